"""The report's figures in words."""

from collections.abc import Mapping
from math import floor
from typing import Any

from modelization.decision.evaluation import RuleMetrics
from modelization.decision.rule_choice import LEARNED

#: What each decision rule is called.
RULE_NAMES = {
    "learned": "the learned rule",
    "cosine": "the cosine to a person's mean",
    "distance": "the Euclidean distance from a person's mean",
    "softmax": "the softmax of the network",
}


def percent(share: float) -> str:
    """A share in [0, 1] as a percentage; one that is neither none nor all is never rounded to be so."""
    value = 100 * share
    if 0 < value < 1:
        return f"{value:.2g} %"
    if 99 < value < 100:
        return f"{floor(value * 100) / 100:g} %"
    return f"{round(value, 1):g} %"


def one_in(share: float) -> str:
    """A share as people say it: 1 in 100, or as a percentage where it is no such fraction."""
    number = 1 / share
    return f"1 in {round(number):,}" if abs(number - round(number)) < 0.01 else percent(share)


def threshold_in_words(threshold: float, target_fpir: float) -> str:
    """What a threshold of confidence means to whoever uses the recognizer."""
    return (
        f"A face is named when its confidence is at least {threshold:g}, and is unknown below. The threshold was set "
        f"so that at most about {one_in(target_fpir)} faces of strangers would be named as somebody. The higher a "
        "confidence, the fewer strangers reach it."
    )


def rule_in_words(rule: str, rules: Mapping[str, RuleMetrics]) -> str:
    """Which decision rule is used, and why."""
    used, reached = RULE_NAMES.get(rule, rule), rules[rule].known_named_right
    if reached is None:
        return f"Faces are judged by {used}; no face could be held out to compare it with others."
    if rule == LEARNED:
        return (
            f"Faces are judged by {used}. No plain rule named significantly more held-out faces rightly without naming "
            "more strangers, each at the threshold that it would have had."
        )
    return (
        f"Faces are judged by {used}, for it did better here: it named {percent(reached)} of the held-out faces "
        f"rightly and the learned rule {percent(rules[LEARNED].known_named_right or 0.0)}, with no more strangers "
        "named, which is more than chance explains."
    )


def search_in_words(search: dict[str, Any]) -> str:
    """Whether a search for a topology helped (``SearchResult.to_json``)."""
    chosen, default = search["chosen"], search["default"]
    if chosen["topology"] == default["topology"]:
        return "None with fewer layers or parameters was as good as the default, which therefore stays."
    share = percent(1 - chosen["parameters"] / default["parameters"])
    smaller = f"{share} fewer" if chosen["parameters"] < default["parameters"] else "no fewer"
    return (
        f"The smallest that is within one standard error of the best was chosen; it has {smaller} parameters than the "
        "default, and names no more of these faces wrongly."
    )
