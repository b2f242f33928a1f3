"""Held-out answers, each of a face by people enrolled without it: the material of calibration and of evaluation."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from features.alive import Alive, unheard
from features.training_set import TrainingSet
from modelization.decision.confidence_curve import bent
from modelization.decision.decision_rule import LEARNED
from modelization.decision.evidence import weigh_evidence, weigh_nearest, without
from modelization.decision.gallery import Gallery, enrol
from modelization.decision.prior import Prior
from modelization.decision.shortlist import Shortlist
from modelization.folds import NEVER

#: Faces whose evidence is weighed at once: with a thousand people, 20 MB.
_EVIDENCE_FACES = 256
#: Faces of many people that are held out, drawn at random. A share of one in a hundred is known to within 0.14 points
#: then (95 % interval), and the work is as much as there are people, whatever the number of their faces.
_MOST_FACES = 20_000

_Floats = npt.NDArray[np.floating]
_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class HeldOut:
    """What a decision rule says of faces by people who are known without them.

    ``highest`` is float32 (n,), the best logit, and ``likest`` (n,) whose that is; ``people`` (n,) is the true person.
    Where ``known`` (n,) is true, nothing behind these has seen the face; elsewhere they say nothing. ``strangers`` (n,)
    is the best logit were the face's own person not there, or (0,) of a person alone, without whom nobody is.
    ``faces_per_person`` is (people,), of all faces that there are.
    """

    highest: npt.NDArray[np.float32]
    likest: _Integers
    strangers: npt.NDArray[np.float32]
    people: _Integers
    known: npt.NDArray[np.bool_]
    faces_per_person: _Integers

    @property
    def inverse_faces(self) -> float:
        """Mean of 1 / faces, the part of a mean's variance that is for being of few pictures."""
        return float(np.mean(1 / self.faces_per_person))

    def placed(self, threshold: float, strictness: float = 0.0) -> "HeldOut":
        """What the rule shows that is placed at a threshold (``DecisionRule.placed``)."""
        return replace(
            self,
            highest=np.asarray(bent(self.highest - threshold, strictness), np.float32),
            strangers=np.asarray(bent(self.strangers - threshold, strictness), np.float32),
        )

    def right(self) -> npt.NDArray[np.bool_]:
        """Of the known faces, whether the best person is their own."""
        return np.asarray(self.likest[self.known] == self.people[self.known])

    def best(self) -> npt.NDArray[np.float32]:
        """Of the known faces, the best logit."""
        return self.highest[self.known]


def examine(
    faces: TrainingSet,
    folds: _Integers,
    posterior: _Floats | None,
    prior: Prior,
    alive: Alive = unheard,
) -> dict[str, HeldOut]:
    """What each of the prior's rules says of every face, to the people as enrolled without its fold.

    ``posterior`` (n, people + 1) is the head's, held out in the same way. Of many people there is none: then it is what
    the learned rule alone says of some of the faces, by the people on its shortlist.
    """
    count, people = len(faces.people), len(faces.labels)
    rules = {name: prior.rules[name].rule for name in ((LEARNED,) if posterior is None else prior.rules)}
    chosen = np.arange(count) if posterior is not None or count <= _MOST_FACES else _some(count)
    answers = {name: _Answers(len(chosen)) for name in rules}
    for gallery, parts in _held_out_galleries(faces, folds, chosen):
        shortlist = None if posterior is not None else Shortlist.of(prior.model, gallery, rules[LEARNED])
        for places in parts:
            alive()
            rows = chosen[places]
            own, given = faces.people[rows], (prior.model, gallery, faces.encodings[rows])
            if shortlist is None:
                assert posterior is not None
                who = np.broadcast_to(np.arange(people), (len(rows), people))
                present = weigh_evidence(*given, posterior[rows])
                absent = weigh_evidence(*given, posterior[rows], own) if people > 1 else None
            else:
                who = shortlist.nearest(faces.encodings[rows])
                present = weigh_nearest(*given, who)
                absent = without(present, people, who == own[:, None])
            for name, rule in rules.items():
                answers[name].known(places, who, rule.logits(present))
                if absent is not None:
                    answers[name].strange(places, np.where(who == own[:, None], -np.inf, rule.logits(absent)))
    seen = faces.people[chosen], folds[chosen] != NEVER, faces.faces_per_person
    return {
        name: HeldOut(own.highest, own.likest, own.strangers[: len(chosen) if people > 1 else 0], *seen)
        for name, own in answers.items()
    }


class _Answers:
    """What a rule says of so many faces, as it is found."""

    def __init__(self, count: int) -> None:
        self.highest, self.strangers = np.empty(count, np.float32), np.empty(count, np.float32)
        self.likest = np.empty(count, np.int64)

    def known(self, places: _Integers, who: _Integers, logits: _Floats) -> None:
        """Of the faces at those places, logits (n, k) of the people ``who`` (n, k)."""
        best = np.asarray(logits, np.float32)
        first = best.argmax(axis=1)[:, None]
        self.highest[places] = np.take_along_axis(best, first, axis=1)[:, 0]
        self.likest[places] = np.take_along_axis(who, first, axis=1)[:, 0]

    def strange(self, places: _Integers, logits: _Floats) -> None:
        """The same of others than their own people."""
        self.strangers[places] = logits.max(axis=1)


def _some(count: int) -> _Integers:
    """``_MOST_FACES`` of so many, the same every time."""
    return np.sort(np.random.default_rng(0).choice(count, _MOST_FACES, replace=False))


def _held_out_galleries(
    faces: TrainingSet, folds: _Integers, chosen: _Integers
) -> Iterator[tuple[Gallery, list[_Integers]]]:
    """Each fold's gallery, and the places among the ``chosen`` faces of those that it has not seen, a few at a time."""
    for fold in range(NEVER, int(folds.max()) + 1):
        places = np.flatnonzero(folds[chosen] == fold)
        # Faces that no fold holds out are compared with everyone's faces; their own person's answer is not used.
        enrolled = folds != fold if fold != NEVER else np.ones(len(folds), bool)
        if len(places):
            gallery = enrol(faces.encodings[enrolled], faces.people[enrolled], len(faces.labels))
            yield gallery, [places[i : i + _EVIDENCE_FACES] for i in range(0, len(places), _EVIDENCE_FACES)]
