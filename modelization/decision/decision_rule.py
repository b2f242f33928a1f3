"""How evidence becomes a confidence: a logistic regression that was learned on other people's galleries."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from modelization.decision.confidence_curve import bent
from modelization.decision.evidence import EVIDENCE, weigh_evidence
from modelization.decision.gallery import Gallery
from modelization.decision.two_covariance import TwoCovariance
from modelization.decision.usable import usable

_Floats = npt.NDArray[np.float64]

#: The rule that decides unless another is better, and the one that asks no network.
NETWORK, LEARNED = "network", "learned"

#: What each rule looks at. ``network`` looks at all there is, ``learned`` at all but the trained network; the others
#: are plain baselines: the cosine to a person's mean, the distance from it, and the network alone (softmax).
RULES: dict[str, tuple[str, ...]] = {
    "network": EVIDENCE,
    "learned": tuple(name for name in EVIDENCE if name != "network"),
    "cosine": ("cosine", "people"),
    "distance": ("distance", "people"),
    "softmax": ("network", "people"),
}


#: The confidence from which a face is named, of every recognizer: its rule is placed so.
THRESHOLD = 0.5


@dataclass(frozen=True)
class DecisionRule:
    """``logistic(bent(evidence @ weights + bias, strictness))``; ``weights`` in the order of ``EVIDENCE``.

    ``strictness``: by how many nats its threshold lies above the one for the usual share of strangers.
    """

    name: str
    weights: tuple[float, ...]
    bias: float
    strictness: float = 0.0

    def logits(self, evidence: _Floats) -> _Floats:
        """Log-odds that a face is a person, (…,), of evidence (…, len(EVIDENCE))."""
        return np.asarray(evidence @ np.array(self.weights) + self.bias)

    def weight(self, name: str) -> float:
        """What one of ``EVIDENCE`` weighs."""
        return self.weights[EVIDENCE.index(name)]

    def placed(self, threshold: float, strictness: float = 0.0) -> "DecisionRule":
        """The rule of this strictness whose confidence is one half where this one's logit is ``threshold``."""
        return replace(self, bias=self.bias - threshold, strictness=strictness)


@dataclass(frozen=True)
class Decider:
    """All that a face and the head's posterior are judged by: the people, the prior's statistics, and the rule."""

    model: TwoCovariance
    gallery: Gallery
    rule: DecisionRule

    def confidence(self, encodings: npt.NDArray[np.floating], posterior: npt.NDArray[np.floating] | None) -> _Floats:
        """Confidences (n, people) in [0, 1] of raw encodings (n, 128) and their posterior (n, people + 1), if any.

        Those of an encoding that cannot be judged are zero.
        """
        is_usable = usable(encodings)[:, None]
        evidence = weigh_evidence(self.model, self.gallery, np.where(is_usable, encodings, 1.0), posterior)
        return np.where(is_usable, logistic(bent(self.rule.logits(evidence), self.rule.strictness)), 0.0)


def logistic(logits: npt.NDArray[np.floating] | float) -> _Floats:
    """1 / (1 + exp(-x)) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(logits, np.float64))))
