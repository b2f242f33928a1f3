"""The report's figures in words, in each of the languages that people read."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from math import floor
from pathlib import Path
from typing import Any

from constants.languages import LANGUAGES, Words
from modelization.decision.decision_rule import NETWORK
from modelization.decision.evaluation import RuleMetrics
from modelization.decision.shortlist import MOST_JUDGED

_FILE = Path(__file__).parent / "strings.json"


class ReportWords(Words):
    """The report's strings in a language, and its figures as people there say them."""

    def __init__(self, language: str) -> None:
        super().__init__(_FILE, language)

    def percent(self, share: float) -> str:
        """A share in [0, 1] as a percentage; one that is neither none nor all is never rounded to be so."""
        value = 100 * share
        if 0 < value < 1:
            return self.as_percentage(float(f"{value:.2g}"))
        if 99 < value < 100:
            return self.as_percentage(floor(value * 100) / 100)
        return self.as_percentage(round(value, 1))

    def as_percentage(self, value: float) -> str:
        """A number with the sign of a percentage."""
        return self.say("percent", value)

    def one_in(self, share: float) -> str:
        """A share as people say it: 1 in 100, or as a percentage where it is no such fraction."""
        number = 1 / share
        is_fraction = abs(number - round(number)) < 0.01
        return self.say("one_in", round(number)) if is_fraction else self.percent(share)

    def moment(self, iso: str) -> str:
        """A time, given as ISO 8601 has it, in UTC, which it is where it does not say."""
        when = datetime.fromisoformat(iso)
        return (when.astimezone(UTC) if when.tzinfo else when).strftime(self.strings["moment"])

    def spelled(self, key: str, count: int, **values: object) -> str:
        """A string with a count, whose ``{word}`` is the count as people write it: from two to twelve in letters."""
        numbers = self.strings["numbers"].split()
        word = numbers[count - 2] if 2 <= count < len(numbers) + 2 else self.number(count)
        return self.say(key, count, word=word, **values)

    def rule(self, name: str) -> str:
        """What a decision rule is called."""
        return self.say(f"rule.{name}") if f"rule.{name}" in self.strings else name

    def layers(self, topology: Mapping[str, Any]) -> str:
        """The hidden layers of a topology, ``Topology.to_json``."""
        described = [
            f"{layer['units']} {layer['activation']}"
            + (f", dropout {self.number(layer['dropout'])}" if layer["dropout"] else "")
            for layer in topology["layers"]
        ]
        return " → ".join(described) or self.say("layers.none")


@cache
def words_in(language: str) -> ReportWords:
    """The words of a language, read once."""
    return ReportWords(language)


#: What is no page, such as ``report.json`` and the model card, is in this language alone.
ENGLISH = words_in(next(iter(LANGUAGES)))


def summary_in_words(words: ReportWords, people: int, doubtful: int, target_fpir: float) -> str:
    """What a recognizer is, in one sentence."""
    return words.say(
        "summary",
        people=words.spelled("summary.people", people),
        wrong=words.spelled("summary.wrong", doubtful),
        strangers=strangers_in_words(words, target_fpir),
    )


def strangers_in_words(words: ReportWords, target_fpir: float) -> str:
    """How many strangers would be named, of as many as make at least one."""
    of = 100 if target_fpir >= 0.01 else round(1 / target_fpir)
    return words.spelled("summary.strangers", round(of * target_fpir), of=words.number(of))


def threshold_in_words(words: ReportWords, threshold: float, target_fpir: float) -> str:
    """What a threshold of confidence means to whoever uses the recognizer."""
    return words.say("threshold.meaning", threshold=words.number(threshold), share=words.one_in(target_fpir))


def rule_in_words(words: ReportWords, rule: str, known_named_right: Mapping[str, float | None]) -> str:
    """Which decision rule is used, and why, by the share of known people that each names rightly."""
    used, reached = words.rule(rule), known_named_right[rule]
    if reached is None:
        return words.say("why.unmeasured", rule=used)
    if NETWORK not in known_named_right:
        return words.say("why.many", rule=used, people=words.number(MOST_JUDGED))
    if rule == NETWORK:
        return words.say("why.network", rule=used)
    by_network = words.percent(known_named_right[NETWORK] or 0.0)
    return words.say("why.better", rule=used, reached=words.percent(reached), by_network=by_network)


def rights(rules: Mapping[str, RuleMetrics]) -> dict[str, float | None]:
    """By rule, the share of known people that it names rightly."""
    return {name: metrics.known_named_right for name, metrics in rules.items()}


def search_in_words(words: ReportWords, search: dict[str, Any]) -> str:
    """Whether a search for a topology helped (``SearchResult.to_json``)."""
    chosen, default = search["chosen"], search["default"]
    if chosen["topology"] == default["topology"]:
        return words.say("search.default")
    if chosen["parameters"] >= default["parameters"]:
        return words.say("search.not_smaller")
    return words.say("search.smaller", share=words.percent(1 - chosen["parameters"] / default["parameters"]))


def gain_in_words(words: ReportWords, gain: dict[str, float]) -> str:
    """What the network gains over the rule alone (``NetworkGain``)."""
    low, high = (words.number(float(f"{100 * gain[end]:.2g}")) for end in ("low", "high"))
    alone, together = words.percent(gain["alone"]), words.percent(gain["alone"] - gain["gained"])
    found = words.say("gain", alone=alone, together=together, low=low, high=high)
    if gain["low"] > 0:
        return f"{found} {words.say('gain.real')}"
    return f"{found} {words.say('gain.negative' if gain['high'] < 0 else 'gain.chance')}"
