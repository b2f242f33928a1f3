from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelization.decision import held_out as held_out_module
from modelization.decision.calibration import aimed_share, calibrate, strictness
from modelization.decision.confidence_curve import bent
from modelization.decision.decision_rule import THRESHOLD, Decider, logistic
from modelization.decision.gallery import enrol
from modelization.decision.held_out import HeldOut, examine
from modelization.folds import assign_folds
from test.modelization.made_up import PRIOR, faces, training_set

counts = st.lists(st.integers(1, 8), min_size=2, max_size=8)
shares = st.floats(1e-4, 0.5)
LEARNED = PRIOR.rules["learned"]
ONE_RULE = replace(PRIOR, rules={"learned": LEARNED})


def held_out(counts: list[int], seed: int = 0) -> HeldOut:
    known = training_set(counts, seed)
    posterior = np.full((len(known.people), len(counts) + 1), 1 / (len(counts) + 1))
    folds = assign_folds(known.people, 0)
    return examine(known, folds, posterior, ONE_RULE)["learned"]


@given(counts, st.lists(shares, min_size=2, max_size=2))
def test_threshold_falls_as_more_strangers_may_be_named(counts: list[int], asked: list[float]) -> None:
    material = held_out(counts)
    strict, lax = sorted(asked)
    assert calibrate(LEARNED, material, strict) >= calibrate(LEARNED, material, lax) - 1e-9


@given(shares)
def test_what_is_aimed_at_is_less_than_what_was_asked(share: float) -> None:
    assert 0.05 * share < aimed_share(share) < share


@pytest.mark.parametrize("target", [0.05, 0.01])
@pytest.mark.parametrize("counts", [[3, 3], [3] * 5, [8] * 20, [4] * 60, [1] * 20])
def test_strangers_are_named_no_more_often_than_asked(counts: list[int], target: float) -> None:
    """Of people drawn from the prior's own model, who are a little easier than real ones."""
    measured = []
    for seed in range(5):
        known = training_set(counts, seed)
        threshold = calibrate(LEARNED, held_out(counts, seed), target)
        placed = LEARNED.rule.placed(threshold)
        decider = Decider(PRIOR.model, enrol(known.encodings, known.people, len(counts)), placed)
        confidence = decider.confidence(faces([1] * 1000, 100 + seed)[0], None)
        measured.append((confidence.max(axis=1) >= THRESHOLD).mean())
    assert np.mean(measured) < 1.3 * target


def test_own_people_who_are_all_alike_raise_the_threshold_of_a_large_gallery() -> None:
    material = held_out([4] * 100)
    alike = replace(material, strangers=material.strangers + 3)
    assert calibrate(LEARNED, alike, 0.01) > calibrate(LEARNED, material, 0.01)


def test_a_left_out_person_is_never_the_best_of_strangers() -> None:
    known = training_set([3, 3, 3], 1)
    posterior = np.full((9, 4), 1 / 4)
    folds = assign_folds(known.people, 0)
    found = examine(known, folds, posterior, ONE_RULE)["learned"]
    assert (found.strangers < found.best()).mean() > 0.9


finite = st.floats(-50, 50, allow_subnormal=False)


@given(finite, st.lists(finite, min_size=2, max_size=9))
def test_what_is_shown_has_the_threshold_at_one_half_and_keeps_everybodys_order(
    strict: float, logits: list[float]
) -> None:
    logits = sorted(logits)
    shown = bent(np.array(logits), strict)
    assert (np.diff(shown) >= 0).all() and bent(np.zeros(1), strict).tolist() == [0.0]
    assert ((shown >= 0) == (np.array(logits) >= 0)).all()
    # It is never further from one half than the odds are, or a steep line through the threshold.
    assert (np.abs(shown) <= np.maximum(np.abs(np.array(logits) + strict), 2 * np.abs(logits)) + 1e-9).all()


@pytest.mark.parametrize("target", [0.05, 0.001])
def test_far_from_the_threshold_the_odds_are_shown(target: float) -> None:
    """Those where as many strangers come as known people, which do not ask how strict a recognizer is."""
    gallery = 20, 1 / 3
    strict = strictness(LEARNED.tail, *gallery, target)
    assert (strict > 0.5) == (target < 0.01) and strictness(LEARNED.tail, *gallery, 0.01) == 0.0
    for logit in (-2 * abs(strict) - 5, 2 * abs(strict) + 5):
        assert bent(logit, strict) == pytest.approx(logit + strict)


def test_confidence_stays_between_nothing_and_one() -> None:
    assert logistic(np.array([-1e6, 0.0, 1e6])).tolist() == [0.0, 0.5, 1.0]


def test_signs_of_life_come_while_evidence_is_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out_module, "_EVIDENCE_FACES", 4)
    known, signs = training_set([4] * 10), []
    folds = assign_folds(known.people, 0)
    examine(known, folds, np.full((40, 11), 1 / 11), ONE_RULE, lambda: signs.append(1))
    assert len(signs) >= 10
