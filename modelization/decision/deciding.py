"""From held-out faces to what a recognizer decides by: the rule, its threshold, and how each rule would have done."""

from collections.abc import Mapping
from dataclasses import dataclass

from features.training_set import TrainingSet
from modelization.decision.calibration import calibrate, strictness
from modelization.decision.decision_rule import NETWORK, THRESHOLD, Decider
from modelization.decision.evaluation import RuleMetrics, evaluate_rule
from modelization.decision.gallery import enrol
from modelization.decision.held_out import HeldOut
from modelization.decision.near_decider import NearDecider
from modelization.decision.prior import Prior
from modelization.decision.rule_choice import choose_rule


@dataclass(frozen=True)
class Decision:
    """What judges faces, what was said by it of held-out ones, and every rule's metrics.

    Confidences of all are placed so that a face is named from ``THRESHOLD`` on; ``threshold_logit`` is where the rule
    that was learned has its own logit then. It lies ``strictness`` nats above the threshold for the usual share.
    """

    decider: Decider
    threshold_logit: float
    strictness: float
    held_out: HeldOut
    metrics: dict[str, RuleMetrics]


def decide(faces: TrainingSet, held_out: Mapping[str, HeldOut], prior: Prior, target_fpir: float) -> Decision:
    """Calibrate every rule for ``target_fpir`` and take the best, by what ``held_out.examine`` found of the faces."""
    logits = {name: calibrate(prior.rules[name], held_out[name], target_fpir) for name in held_out}
    gallery = enrol(faces.encodings, faces.people, len(faces.labels))
    shape = len(faces.labels), gallery.inverse_faces
    strict = {name: strictness(prior.rules[name].tail, *shape, target_fpir) for name in held_out}
    placed = {name: held_out[name].placed(logits[name], strict[name]) for name in held_out}
    chosen = choose_rule(placed, dict.fromkeys(placed, THRESHOLD))
    kind = Decider if NETWORK in held_out else NearDecider.of
    return Decision(
        kind(prior.model, gallery, prior.rules[chosen].rule.placed(logits[chosen], strict[chosen])),
        logits[chosen],
        strict[chosen],
        placed[chosen],
        {name: evaluate_rule(placed[name], THRESHOLD) for name in placed},
    )
