"""From held-out faces to what a recognizer decides by: the rule, its threshold, and how each rule would have done."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.training_set import TrainingSet
from modelization.decision.calibration import calibrate
from modelization.decision.decision_rule import Decider
from modelization.decision.evaluation import RuleMetrics, evaluate_rule
from modelization.decision.gallery import enrol
from modelization.decision.held_out import HeldOut, examine
from modelization.decision.prior import Prior
from modelization.decision.rule_choice import choose_rule


@dataclass(frozen=True)
class Decision:
    """What judges faces, the least confidence named, what was said of held-out faces, and every rule's metrics."""

    decider: Decider
    threshold: float
    held_out: HeldOut
    metrics: dict[str, RuleMetrics]


def decide(
    faces: TrainingSet,
    folds: npt.NDArray[np.int64],
    posterior: npt.NDArray[np.floating],
    prior: Prior,
    target_fpir: float,
) -> Decision:
    """Calibrate every rule for ``target_fpir`` and take the best; ``posterior`` (n, people) is the head's, held out."""
    rules = {name: calibrated.rule for name, calibrated in prior.rules.items()}
    held_out = examine(faces, folds, posterior, prior.model, rules)
    thresholds = {name: calibrate(prior.rules[name], held_out[name], target_fpir) for name in rules}
    chosen = choose_rule(held_out, thresholds)
    gallery = enrol(faces.encodings, faces.people, len(faces.labels))
    return Decision(
        Decider(prior.model, gallery, rules[chosen]),
        thresholds[chosen],
        held_out[chosen],
        {name: evaluate_rule(held_out[name], thresholds[name]) for name in rules},
    )
