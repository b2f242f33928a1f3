"""Held-out logits, each of a face by people enrolled without it: the material of calibration and of evaluation."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from features.alive import Alive, unheard
from features.training_set import TrainingSet
from modelization.decision.evidence import weigh_evidence
from modelization.decision.gallery import Gallery, enrol
from modelization.decision.prior import Prior
from modelization.folds import NEVER

#: Faces whose evidence is weighed at once: with a thousand people, 20 MB.
_EVIDENCE_FACES = 256

_Floats = npt.NDArray[np.floating]
_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class HeldOut:
    """What a decision rule says of faces by people who are known without them.

    ``logits`` is float32 (n, people), ``people`` (n,) the true person. Where ``known`` (n,) is true, nothing
    behind the logits has seen the face; elsewhere the true person's column says nothing, and the others are
    valid. ``strangers`` (n,) is the best logit were the face's own person not there. ``faces_per_person`` is (people,).
    """

    logits: npt.NDArray[np.float32]
    strangers: npt.NDArray[np.float32]
    people: _Integers
    known: npt.NDArray[np.bool_]
    faces_per_person: _Integers

    @property
    def inverse_faces(self) -> float:
        """Mean of 1 / faces, the part of a mean's variance that is for being of few pictures."""
        return float(np.mean(1 / self.faces_per_person))

    def placed(self, threshold: float) -> "HeldOut":
        """What the rule says that is placed at a threshold (``DecisionRule.placed``)."""
        return replace(
            self,
            logits=np.asarray(self.logits - threshold, np.float32),
            strangers=np.asarray(self.strangers - threshold, np.float32),
        )

    def right(self) -> npt.NDArray[np.bool_]:
        """Of the known faces, whether the best person is their own."""
        return np.asarray(self.logits[self.known].argmax(axis=1) == self.people[self.known])

    def best(self) -> npt.NDArray[np.float32]:
        """Of the known faces, the best logit."""
        return np.asarray(self.logits[self.known].max(axis=1))


def examine(
    faces: TrainingSet,
    folds: _Integers,
    posterior: _Floats,
    prior: Prior,
    alive: Alive = unheard,
) -> dict[str, HeldOut]:
    """What each of the prior's rules says of every face, to the people as enrolled without its fold.

    ``posterior`` (n, people) is the head's, held out in the same way.
    """
    count, people = len(faces.people), len(faces.labels)
    rules = {name: calibrated.rule for name, calibrated in prior.rules.items()}
    logits = {name: np.empty((count, people), np.float32) for name in rules}
    strangers = {name: np.empty(count, np.float32) for name in rules}
    for rows, gallery in _held_out_galleries(faces, folds):
        alive()
        own = faces.people[rows]
        given = prior.model, gallery, faces.encodings[rows], posterior[rows]
        present, absent = weigh_evidence(*given), weigh_evidence(*given, absent=own)
        for name, rule in rules.items():
            logits[name][rows] = rule.logits(present)
            others = rule.logits(absent)
            others[np.arange(len(own)), own] = -np.inf
            strangers[name][rows] = others.max(axis=1)
    return {
        name: HeldOut(logits[name], strangers[name], faces.people, folds != NEVER, faces.faces_per_person)
        for name in rules
    }


def _held_out_galleries(faces: TrainingSet, folds: _Integers) -> list[tuple[_Integers, Gallery]]:
    """Faces, a few at a time for the sake of memory, and the gallery that has not seen them."""
    parts = []
    for fold in range(NEVER, int(folds.max()) + 1):
        in_fold = np.flatnonzero(folds == fold)
        # Faces that no fold holds out are compared with everyone's faces; their own column is not used.
        enrolled = folds != fold if fold != NEVER else np.ones(len(folds), bool)
        gallery = enrol(faces.encodings[enrolled], faces.people[enrolled], len(faces.labels))
        parts += [(in_fold[i : i + _EVIDENCE_FACES], gallery) for i in range(0, len(in_fold), _EVIDENCE_FACES)]
    return parts
