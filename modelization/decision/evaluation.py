"""How well a recognizer does on faces it had not seen."""

from dataclasses import dataclass

import numpy as np

from modelization.decision.held_out import HeldOut
from modelization.decision.rule_choice import named_rightly, strangers_named


@dataclass(frozen=True)
class RuleMetrics:
    """What a decision rule reaches on held-out faces, as shares in [0, 1]; a share of no faces is None.

    ``closed_set_accuracy``: held-out faces whose most confident person is the right one.
    ``known_named_right``: held-out faces that are named, and rightly, at the threshold (DIR).
    ``strangers_named``: faces that are named when their own person is left out of the gallery (FPIR); of a person alone
    there are none.
    """

    closed_set_accuracy: float | None
    known_named_right: float | None
    strangers_named: float | None


@dataclass(frozen=True)
class Metrics(RuleMetrics):
    """The metrics of the recognizer's own rule, and the numbers of faces behind them.

    ``people_not_evaluated``: labels of people with one face, which cannot be held out.
    """

    held_out_faces: int
    stranger_faces: int
    people_not_evaluated: tuple[str, ...]


def evaluate_rule(held_out: HeldOut, threshold: float) -> RuleMetrics:
    """Held-out metrics of a rule at a threshold of confidence; terms as in NIST FRTE 1:N."""
    known, strangers = held_out.known.any(), len(held_out.strangers)
    return RuleMetrics(
        closed_set_accuracy=float(held_out.right().mean()) if known else None,
        known_named_right=float(named_rightly(held_out, threshold).mean()) if known else None,
        strangers_named=float(strangers_named(held_out, threshold).mean()) if strangers else None,
    )


def evaluate(held_out: HeldOut, threshold: float, labels: tuple[str, ...]) -> Metrics:
    """Held-out metrics of a recognizer."""
    found = evaluate_rule(held_out, threshold)
    never = np.flatnonzero(held_out.faces_per_person == 1)
    return Metrics(
        closed_set_accuracy=found.closed_set_accuracy,
        known_named_right=found.known_named_right,
        strangers_named=found.strangers_named,
        held_out_faces=int(held_out.known.sum()),
        stranger_faces=len(held_out.strangers),
        people_not_evaluated=tuple(labels[person] for person in never),
    )
