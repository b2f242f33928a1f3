"""How well a recognizer does on faces it had not seen."""

from dataclasses import dataclass

import numpy as np

from modelization.calibration import DecisionRule
from modelization.held_out import HeldOut


@dataclass(frozen=True)
class Metrics:
    """Shares in [0, 1] and the numbers of faces behind them; a share of no faces is None.

    ``closed_set_accuracy``: held-out faces whose most confident person is the right one.
    ``known_named_right``: held-out faces that are named, and rightly, at the threshold (DIR).
    ``strangers_named``: faces that are named when their own person is left out of the gallery (FPIR).
    ``people_not_evaluated``: labels of people with one face, which cannot be held out.
    """

    held_out_faces: int
    closed_set_accuracy: float | None
    known_named_right: float | None
    stranger_faces: int
    strangers_named: float
    people_not_evaluated: tuple[str, ...]


def evaluate(held_out: HeldOut, rule: DecisionRule, labels: tuple[str, ...]) -> Metrics:
    """Held-out metrics of a rule; terms as in NIST FRTE 1:N.

    The rule's few numbers were calibrated on these same faces, which flatters it a little.
    """
    known = held_out.known
    confidence = rule.confidence(held_out.angles, held_out.posterior)[known]
    right = confidence.argmax(axis=1) == held_out.people[known]
    named = confidence.max(axis=1) >= rule.threshold
    strangers = rule.confidence(*held_out.without_own_person()).max(axis=1)
    never = np.setdiff1d(np.arange(len(labels)), held_out.people[known])
    return Metrics(
        held_out_faces=int(known.sum()),
        closed_set_accuracy=float(right.mean()) if known.any() else None,
        known_named_right=float((right & named).mean()) if known.any() else None,
        stranger_faces=len(strangers),
        strangers_named=float((strangers >= rule.threshold).mean()),
        people_not_evaluated=tuple(labels[person] for person in never),
    )
