"""The figures of a report, against what counting says."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constants.languages import LANGUAGES
from modelization.decision.decision_rule import logistic
from modelization.decision.held_out import HeldOut
from modelization.report.answers import MAX_CONFUSED_PAIRS, MAX_LISTED_PEOPLE, MAX_MATRIX_PEOPLE, WEAKEST, answers
from modelization.report.open_set_curve import MAX_CURVE_POINTS, open_set_curve
from modelization.report.proportion import proportion
from modelization.report.words import ENGLISH, words_in
from test.modelization.made_up_reports import held_out_of, scores

some_scores = st.builds(
    scores, st.lists(st.integers(1, 5), min_size=2, max_size=6), st.integers(0, 1000), st.floats(-1, 4)
)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"), [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634)]
)
def test_an_interval_is_wilsons(count: int, total: int, low: float, high: float) -> None:
    found = proportion(count, total)
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_nothing_has_no_share() -> None:
    assert proportion(0, 0) is None


@given(st.integers(1, 1000), st.data())
def test_an_interval_holds_its_share_and_narrows(total: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, total))
    one, ten_times = proportion(count, total), proportion(10 * count, 10 * total)
    assert one is not None and ten_times is not None
    assert 0 <= one.low <= one.share <= one.high <= 1 and one.low < one.high
    assert one.low <= ten_times.low and ten_times.high <= one.high


@given(some_scores)
def test_every_point_of_the_curve_is_what_its_threshold_gives(held_out: HeldOut) -> None:
    curve = open_set_curve(held_out)
    assert bool(curve) == bool(held_out.known.any())
    for point in curve:
        named = logistic(held_out.best()) >= point.threshold - 1e-12
        assert point.known_named_right == pytest.approx((named & held_out.right()).mean())
        assert point.strangers_named == pytest.approx((logistic(held_out.strangers) >= point.threshold - 1e-12).mean())
    strangers = [point.strangers_named for point in curve]
    assert strangers == sorted(set(strangers)) and strangers[:1] in ([], [0.0])


@given(some_scores, st.floats(0.01, 0.99))
def test_no_threshold_lies_above_the_curve(held_out: HeldOut, threshold: float) -> None:
    strangers_named = (logistic(held_out.strangers) >= threshold).mean()
    named = logistic(held_out.best()) >= threshold
    for point in open_set_curve(held_out):
        if point.strangers_named == pytest.approx(strangers_named):
            assert (named & held_out.right()).mean() <= point.known_named_right + 1e-12


def test_a_long_curve_is_thinned_where_many_strangers_are_named() -> None:
    curve = open_set_curve(scores([1000, 1000]))
    assert len(curve) <= MAX_CURVE_POINTS
    shares = [point.strangers_named for point in curve]
    assert shares[:3] == pytest.approx([0, 1 / 2000, 2 / 2000]) and shares[-1] == 1


@given(some_scores, st.floats(0.1, 0.9))
def test_answers_count_every_held_out_face_once(held_out: HeldOut, threshold: float) -> None:
    labels = tuple(f"{k}" for k in range(len(held_out.faces_per_person)))
    found = answers(held_out, threshold, labels)
    assert {person.person for person in found.people} == set(labels)
    assert found.matrix is not None
    assert found.matrix.people == tuple(person.person for person in found.people)
    for person, row in zip(found.people, found.matrix.faces, strict=True):
        own = held_out.people[held_out.known] == int(person.person)
        named = logistic(held_out.best()) >= threshold
        right = 0 if person.recall is None else person.recall.count
        assert person.held_out == own.sum() == sum(row)
        assert right == (own & named & held_out.right()).sum() == row[found.matrix.people.index(person.person)]
        assert person.unknown == (own & ~named).sum() == row[-1]
        assert person.held_out == right + person.unknown + person.named_another
    assert sum(pair.likest for pair in found.confused) == (~held_out.right()).sum()
    assert found.named_another == sum(person.named_another for person in found.people)
    assert found.unknown == sum(person.unknown for person in found.people)


def test_of_very_many_people_the_weakest_are_told_of_and_all_are_counted() -> None:
    labels = tuple(map(str, range(MAX_LISTED_PEOPLE + 1)))
    held_out = scores([1, *[2] * MAX_LISTED_PEOPLE], gap=4.0)
    found = answers(held_out, 0.5, labels)
    recalls = [person.recall.share for person in found.people if person.recall]
    assert len(recalls) == WEAKEST and recalls == sorted(recalls)
    assert found.single == 1
    named = logistic(held_out.best()) >= 0.5
    assert (found.unknown, found.named_another) == ((~named).sum(), (named & ~held_out.right()).sum())


def test_the_weakest_come_first_and_who_was_not_evaluated_last() -> None:
    held_out = scores([1, 6, 6])
    weak = np.where(held_out.people == 2, held_out.highest - 20, held_out.highest)
    found = answers(replace(held_out, highest=weak), 0.5, ("a", "b", "c"))
    assert [person.person for person in found.people] == ["c", "b", "a"]
    assert found.people[0].unknown == 6 and found.people[-1].recall is None


def test_most_confused_pairs_lead_whether_or_not_they_are_named() -> None:
    logits = np.full((7, 3), -9.0, np.float32)
    likest = [1, 1, 1, 0, 2, 2, 0]
    logits[np.arange(7), likest] = [2, 2, -2, 2, 2, 2, 2]
    people = np.array([0, 0, 0, 1, 1, 2, 2])
    held_out = held_out_of(logits, np.zeros(7), people, np.ones(7, bool), np.bincount(people))
    pairs = answers(held_out, 0.5, ("a", "b", "c")).confused
    assert (pairs[0].person, pairs[0].taken_for, pairs[0].likest, pairs[0].named, pairs[0].held_out) == (
        "a",
        "b",
        3,
        2,
        3,
    )
    assert {(pair.person, pair.taken_for) for pair in pairs[1:]} == {("b", "a"), ("b", "c"), ("c", "a")}


def test_many_people_have_no_matrix_and_the_worst_pairs_alone() -> None:
    labels = tuple(map(str, range(MAX_MATRIX_PEOPLE + 1)))
    found = answers(scores([4] * len(labels), gap=0.0), 0.5, labels)
    assert found.matrix is None and len(found.people) == len(labels)
    assert len(found.confused) == MAX_CONFUSED_PAIRS


@pytest.mark.parametrize(
    ("share", "said"),
    [(0, "0 %"), (1, "100 %"), (0.99996, "99.99 %"), (0.0001, "0.01 %"), (0.995, "99.5 %"), (0.5, "50 %")],
)
def test_a_percentage_is_never_rounded_to_all_or_none(share: float, said: str) -> None:
    assert ENGLISH.percent(share) == said


@pytest.mark.parametrize(
    ("share", "said"), [(0.01, "1 in 100"), (0.02, "1 in 50"), (0.0001, "1 in 10,000"), (0.03, "3 %"), (0.5, "1 in 2")]
)
def test_a_share_is_said_as_people_do(share: float, said: str) -> None:
    assert ENGLISH.one_in(share) == said


@pytest.mark.parametrize(
    ("language", "share", "fraction"), [("de", "5,3\u00a0%", "1 von 10.000"), ("fr", "5,3\u202f%", "1 sur 10\u202f000")]
)
def test_a_number_is_written_as_the_language_does(language: str, share: str, fraction: str) -> None:
    words = words_in(language)
    assert (words.percent(0.053), words.one_in(0.0001)) == (share, fraction)


def test_a_time_is_written_as_the_language_does() -> None:
    written = [words_in(language).moment("2026-11-27T01:05:35+02:00") for language in LANGUAGES]
    assert written == ["2026-11-26, 23:05 UTC", "26.11.2026, 23:05 UTC", "26/11/2026, 23:05 UTC"]
