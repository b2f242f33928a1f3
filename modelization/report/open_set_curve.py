"""How many known people are named rightly, against how many strangers are named, at every threshold."""

from dataclasses import dataclass

import numpy as np

from modelization.decision.decision_rule import logistic
from modelization.decision.held_out import HeldOut

#: Points of the open-set curve that are kept; neighbouring ones differ by less than a line is wide.
MAX_CURVE_POINTS = 200


@dataclass(frozen=True)
class CurvePoint:
    """Shares of held-out faces at a threshold of confidence: strangers named (FPIR), known named rightly (DIR)."""

    threshold: float
    strangers_named: float
    known_named_right: float


def open_set_curve(held_out: HeldOut) -> tuple[CurvePoint, ...]:
    """The curve by rising share of strangers, the lowest threshold for each; empty without faces of both kinds."""
    known = int(held_out.known.sum())
    if not known or not len(held_out.strangers):
        return ()
    strangers, right = np.sort(held_out.strangers), np.sort(held_out.best()[held_out.right()])
    nobody = np.nextafter(strangers[-1:], np.float32(np.inf))
    thresholds = np.unique(np.concatenate([strangers, right, nobody]))
    strangers_named = 1 - np.searchsorted(strangers, thresholds) / len(strangers)
    known_named_right = (len(right) - np.searchsorted(right, thresholds)) / known
    # Thresholds rise, so the first one of a share is its lowest, which names most.
    _, lowest = np.unique(strangers_named, return_index=True)
    return tuple(
        CurvePoint(float(logistic(thresholds[i])), float(strangers_named[i]), float(known_named_right[i]))
        for i in lowest[_spread(len(lowest))]
    )


def _spread(count: int) -> np.ndarray:
    """At most ``MAX_CURVE_POINTS`` of so many indices, densest at the first, where few strangers are named."""
    return np.unique(np.geomspace(1, count, MAX_CURVE_POINTS).round().astype(np.int64)) - 1
