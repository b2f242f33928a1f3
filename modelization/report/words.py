"""The report's figures in words."""

from collections.abc import Mapping
from math import floor
from typing import Any

from modelization.decision.decision_rule import NETWORK
from modelization.decision.evaluation import RuleMetrics
from modelization.decision.shortlist import MOST_JUDGED

#: What each decision rule is called.
RULE_NAMES = {
    "network": "the network and the learned rule together",
    "learned": "the learned rule",
    "cosine": "the cosine to a person's mean",
    "distance": "the Euclidean distance from a person's mean",
    "softmax": "the network alone",
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


#: Numbers as words, as far as people write them so.
_NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


def counted(number: int, thing: str, things: str) -> str:
    """So many things: no picture is ``no pictures``, and twelve are written as a word."""
    word = _NUMBERS[number] if number < len(_NUMBERS) else f"{number:,}"
    return f"{word} {thing if number == 1 else things}"


def strangers_in_words(target_fpir: float) -> str:
    """How many strangers would be named, of as many as make at least one."""
    of = 100 if target_fpir >= 0.01 else round(1 / target_fpir)
    named = round(of * target_fpir)
    return f"of {of:,} strangers about {_NUMBERS[named] if named < len(_NUMBERS) else named} would be named"


def summary_in_words(people: int, doubtful: int, target_fpir: float) -> str:
    """What a recognizer is, in one sentence."""
    wrong = f"{counted(doubtful, 'picture looks', 'pictures look')} wrong"
    return f"It knows your {counted(people, 'person', 'people')}; {wrong}; {strangers_in_words(target_fpir)}."


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
    if NETWORK not in rules:
        return (
            f"Faces are judged by {used}. Of more than {MOST_JUDGED:,} people no network is trained, and each face is "
            "compared in full with those alone whom it may show."
        )
    if rule == NETWORK:
        return (
            f"Faces are judged by {used}. No plainer rule named significantly more held-out faces rightly without "
            "naming more strangers, each at the threshold that it would have had."
        )
    return (
        f"Faces are judged by {used}, for it did better here: it named {percent(reached)} of the held-out faces "
        f"rightly and {RULE_NAMES[NETWORK]} {percent(rules[NETWORK].known_named_right or 0.0)}, with no more "
        "strangers named, which is more than chance explains."
    )


def search_in_words(search: dict[str, Any]) -> str:
    """Whether a search for a topology helped (``SearchResult.to_json``)."""
    chosen, default = search["chosen"], search["default"]
    if chosen["topology"] == default["topology"]:
        return "No hidden layer is needed: no network with one was better by more than a standard error."
    share = percent(1 - chosen["parameters"] / default["parameters"])
    smaller = f"{share} fewer" if chosen["parameters"] < default["parameters"] else "no fewer"
    return (
        f"The smallest that is within one standard error of the best was chosen; it has {smaller} parameters than the "
        "default, and misses no more of these faces."
    )


def gain_in_words(gain: dict[str, float]) -> str:
    """What the network gains over the rule alone (``NetworkGain``)."""
    low, high = (f"{100 * gain[end]:.2g}".replace("-", "\N{MINUS SIGN}") for end in ("low", "high"))
    found = (
        f"The learned rule alone misses {percent(gain['alone'])} of these faces, and with the chosen network "
        f"{percent(gain['alone'] - gain['gained'])} are missed; the 95 % interval of that gain, over people, is from "
        f"{low} to {high} points."
    )
    if gain["low"] > 0:
        return f"{found} It was measured with other faces held out together than those by which the network was chosen."
    if gain["high"] < 0:
        return f"{found} No network is needed: the rule alone does better on these pictures."
    return f"{found} Chance explains that: for these pictures no network is needed, and the rule does as well alone."
