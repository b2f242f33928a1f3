"""From held-out faces to what a recognizer decides by: the rule, its threshold, and how each rule would have done."""

from collections.abc import Mapping
from dataclasses import dataclass

from features.training_set import TrainingSet
from modelization.decision.calibration import calibrate
from modelization.decision.decision_rule import Decider
from modelization.decision.evaluation import RuleMetrics, evaluate_rule
from modelization.decision.gallery import enrol
from modelization.decision.held_out import HeldOut
from modelization.decision.prior import Prior
from modelization.decision.rule_choice import choose_rule


@dataclass(frozen=True)
class Decision:
    """What judges faces, the least confidence named, what was said of held-out faces, and every rule's metrics."""

    decider: Decider
    threshold: float
    held_out: HeldOut
    metrics: dict[str, RuleMetrics]


def decide(faces: TrainingSet, held_out: Mapping[str, HeldOut], prior: Prior, target_fpir: float) -> Decision:
    """Calibrate every rule for ``target_fpir`` and take the best, by what ``held_out.examine`` found of the faces."""
    thresholds = {name: calibrate(prior.rules[name], held_out[name], target_fpir) for name in held_out}
    chosen = choose_rule(held_out, thresholds)
    gallery = enrol(faces.encodings, faces.people, len(faces.labels))
    return Decision(
        Decider(prior.model, gallery, prior.rules[chosen].rule),
        thresholds[chosen],
        held_out[chosen],
        {name: evaluate_rule(held_out[name], thresholds[name]) for name in held_out},
    )
