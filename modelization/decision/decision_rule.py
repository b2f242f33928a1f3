"""How evidence becomes a confidence: a logistic regression that was learned on other people's galleries."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from modelization.decision.evidence import EVIDENCE, weigh_evidence
from modelization.decision.gallery import Gallery
from modelization.decision.two_covariance import TwoCovariance
from modelization.decision.usable import usable

_Floats = npt.NDArray[np.float64]

#: What each rule looks at. ``learned`` looks at all that helps; the others are the plain baselines it must beat:
#: the cosine to a person's mean, the distance from it, and the head's own posterior (softmax).
#: The posterior is no part of ``learned``: beside the rest it changed no figure (docs/design-notes.md).
RULES: dict[str, tuple[str, ...]] = {
    "learned": tuple(name for name in EVIDENCE if name != "posterior"),
    "cosine": ("cosine", "people"),
    "distance": ("distance", "people"),
    "softmax": ("posterior", "people"),
}


#: The confidence from which a face is named, of every recognizer: its rule is placed so.
THRESHOLD = 0.5


@dataclass(frozen=True)
class DecisionRule:
    """``logistic(evidence @ weights + bias)``; ``weights`` in the order of ``EVIDENCE``."""

    name: str
    weights: tuple[float, ...]
    bias: float

    def logits(self, evidence: _Floats) -> _Floats:
        """Log-odds that a face is a person, (…,), of evidence (…, len(EVIDENCE))."""
        return np.asarray(evidence @ np.array(self.weights) + self.bias)

    def placed(self, threshold: float) -> "DecisionRule":
        """The rule whose confidence is one half where this one's logit is ``threshold``.

        This one's is likely as said where as many strangers come as known people; the other's where known people
        come ``exp(-threshold)`` times as often. Bayes' rule: prior odds add to a logit.
        """
        return replace(self, bias=self.bias - threshold)


@dataclass(frozen=True)
class Decider:
    """All that a face and the head's posterior are judged by: the people, the prior's statistics, and the rule."""

    model: TwoCovariance
    gallery: Gallery
    rule: DecisionRule

    def confidence(self, encodings: npt.NDArray[np.floating], posterior: npt.NDArray[np.floating]) -> _Floats:
        """Confidences in [0, 1] of raw encodings (n, 128) and their posterior, both (n, people).

        Those of an encoding that cannot be judged are zero.
        """
        is_usable = usable(encodings)[:, None]
        evidence = weigh_evidence(self.model, self.gallery, np.where(is_usable, encodings, 1.0), posterior)
        return np.where(is_usable, logistic(self.rule.logits(evidence)), 0.0)


def logistic(logits: npt.NDArray[np.floating] | float) -> _Floats:
    """1 / (1 + exp(-x)) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(logits, np.float64))))
