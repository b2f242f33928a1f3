"""What topologies are judged by: known faces that are not named rightly where the asked share of strangers is named."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from modelization.decision.decision_rule import LEARNED, NETWORK
from modelization.decision.evidence import weigh_evidence
from modelization.decision.gallery import enrol
from modelization.decision.prior import Prior
from modelization.folds import NEVER
from modelization.open_training_set import OpenTrainingSet

#: Strangers that no head is trained on, over all folds. Beside those that a fold holds out, 51 stand above the
#: threshold at 1 % of strangers, and five at 0.1 %.
_UNSEEN = 4096
#: Faces whose evidence is weighed at once: with a thousand people, 20 MB.
_EVIDENCE_FACES = 256

_Floats = npt.NDArray[np.floating]
_Integers = npt.NDArray[np.int64]


class RuleLogits(NamedTuple):
    """What rules say of a fold's judged faces, float32 (faces, people), and of how many pictures its people are.

    ``but_network`` is the logit of the rule that asks the network, but for what the network says; ``alone`` that of
    the learned rule, which asks none; ``inverse_faces`` the gallery's mean of 1 / faces.
    """

    but_network: npt.NDArray[np.float32]
    alone: npt.NDArray[np.float32]
    inverse_faces: float


@dataclass(frozen=True)
class OpenSetTrial:
    """Heads are trained on ``faces`` and judged by the ``prior``'s rules, where ``target_fpir`` of strangers are named.

    A fold's heads judge the known faces and the strangers that it holds out, and strangers that no fold learns from.
    These are drawn: of the upload's own people, who are the rest to each other in training, a head knows too well whom
    they are not. Drawn ones are easier than real ones, for whom the prior has thresholds.
    """

    faces: OpenTrainingSet
    prior: Prior
    target_fpir: float

    @property
    def people(self) -> _Integers:
        """Whom each judged known face shows, (n,), in the order of the faces."""
        return np.asarray(self.faces.known.people[self.faces.known_folds != NEVER])

    @property
    def network_weight(self) -> float:
        """What a nat of the network's log-odds weighs in a logit."""
        return self.prior.rules[NETWORK].rule.weight("network")

    @cached_property
    def held_out(self) -> list[_Integers]:
        """The rows of ``faces`` that each fold holds out: known faces first."""
        return [np.flatnonzero(self.faces.folds == fold) for fold in range(int(self.faces.folds.max()) + 1)]

    @cached_property
    def unseen(self) -> list[npt.NDArray[np.float32]]:
        """Further strangers, (m, 128) for each fold."""
        return np.array_split(self.faces.background.draw(_UNSEEN, seed=1), len(self.held_out))

    @cached_property
    def logits(self) -> list[RuleLogits]:
        """What the rules say of each fold's judged faces, to the people as enrolled without them."""
        return [self._logits(fold) for fold in range(len(self.held_out))]

    def real_threshold(self, rule: str) -> float:
        """The logit of a rule that the asked share of real strangers reach; its networks have the default topology."""
        inverse_faces = float(np.mean([said.inverse_faces for said in self.logits]))
        return self.prior.rules[rule].tail.threshold(self.target_fpir, self.faces.people, inverse_faces)

    def drawn_threshold(self, rival: Sequence[_Floats]) -> float:
        """The least logit that no more than the asked share of drawn strangers reach; ``rival`` as for ``margins``."""
        judged = [len(rows) + len(more) for rows, more in zip(self.held_out, self.unseen, strict=True)]
        strangers = [row[len(own) : end] for row, own, end in zip(rival, self._known, judged, strict=True)]
        return float(np.quantile(np.concatenate(strangers), 1 - self.target_fpir, method="higher"))

    def margins(self, own: Sequence[_Floats], rival: Sequence[_Floats], threshold: float) -> npt.NDArray[np.float32]:
        """Nats by which each known face is named rightly, (n,): negative or none where it is not.

        Of each fold's judged faces there are the logit of the ``own`` person and of the likeliest other one, its
        ``rival``; a stranger has rivals alone, and numbers that follow are padding.
        """
        to_beat = [np.maximum(row[: len(known)], threshold) for row, known in zip(rival, self._known, strict=True)]
        margins = [row[: len(least)] - least for row, least in zip(own, to_beat, strict=True)]
        return np.asarray(np.concatenate(margins)[np.argsort(np.concatenate(self._known))], np.float32)

    def margins_alone(self) -> npt.NDArray[np.float32]:
        """The same by the learned rule, without a network."""
        own, rival = [], []
        for known, said in zip(self._known, self.logits, strict=True):
            places = np.arange(len(known)), self.faces.known.people[known]
            own.append(said.alone[places])
            others = said.alone.copy()
            others[places] = -np.inf
            rival.append(others.max(axis=1))
        return self.margins(own, rival, self.real_threshold(LEARNED))

    @property
    def _known(self) -> list[_Integers]:
        """The known faces of those that each fold holds out."""
        return [rows[rows < len(self.faces.known.people)] for rows in self.held_out]

    def _logits(self, fold: int) -> RuleLogits:
        known, learned = self.faces.known, self.faces.known_folds != fold
        gallery = enrol(known.encodings[learned], known.people[learned], len(known.labels))
        encodings = np.concatenate([self.faces.encodings[self.held_out[fold]], self.unseen[fold]])
        rules = self.prior.rules[NETWORK].rule, self.prior.rules[LEARNED].rule
        said: tuple[list[_Floats], list[_Floats]] = [], []
        for start in range(0, len(encodings), _EVIDENCE_FACES):
            some = encodings[start : start + _EVIDENCE_FACES]
            evidence = weigh_evidence(self.prior.model, gallery, some, None)
            for rule, parts in zip(rules, said, strict=True):
                parts.append(rule.logits(evidence).astype(np.float32))
        return RuleLogits(np.concatenate(said[0]), np.concatenate(said[1]), gallery.inverse_faces)
