import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelization.calibration import DecisionRule, calibrate, logistic, logit, nearest_quantile
from modelization.folds import assign_folds
from modelization.gallery import enrol
from modelization.held_out import HeldOut, examine
from test.modelization.made_up import faces, training_set

counts = st.lists(st.integers(1, 8), min_size=2, max_size=8)
shares = st.floats(1e-4, 0.5)


def held_out(counts: list[int], seed: int = 0) -> HeldOut:
    known = training_set(counts, seed)
    # A head that knows nothing: every decision is then the angles'.
    posterior = np.full((len(known.people), len(counts)), 1 / len(counts))
    return examine(known, assign_folds(known.people, 0), posterior)


@given(counts, shares, shares)
def test_threshold_falls_as_more_strangers_may_be_named(counts: list[int], one: float, other: float) -> None:
    material = held_out(counts)
    strict, lax = sorted((one, other))
    assert calibrate(material, strict).threshold >= calibrate(material, lax).threshold


@given(counts, shares, st.integers(0, 9))
def test_confidence_is_a_share_and_never_more_than_genuineness(counts: list[int], share: float, seed: int) -> None:
    material = held_out(counts, seed)
    rule = calibrate(material, share)
    confidence = rule.confidence(material.angles, material.posterior)
    assert rule.slope > 0 and 0 <= rule.threshold <= 1
    assert ((confidence >= 0) & (confidence <= logistic(rule.slope * (rule.midpoint - material.angles)))).all()


@pytest.mark.parametrize("counts", [[1, 1], [3, 3], [5] * 5, [8] * 20, [4] * 60])
def test_strangers_are_named_about_as_often_as_asked(counts: list[int]) -> None:
    measured = []
    for seed in range(5):
        known = training_set(counts, seed)
        rule = calibrate(held_out(counts, seed), 0.01)
        angles = enrol(known.encodings, known.people, len(counts)).angles(faces([1] * 1000, 100 + seed)[0])
        confidence = rule.confidence(angles, np.full(angles.shape, 1 / len(counts)))
        measured.append((confidence.max(axis=1) >= rule.threshold).mean())
    assert np.mean(measured) < 0.04


def test_mixed_up_labels_do_not_turn_the_rule_round() -> None:
    material = held_out([4] * 6)
    shuffled = HeldOut(
        material.angles[::-1], material.posterior, material.people, material.known, material.faces_per_person
    )
    rule = calibrate(shuffled, 0.01)
    assert rule.slope > 0 and 0 <= rule.threshold <= 1


def test_left_out_person_is_never_the_nearest() -> None:
    material = held_out([3, 2, 1])
    angles, posterior = material.without_own_person()
    assert (angles.argmin(axis=1) != material.people).all()
    np.testing.assert_allclose(posterior.sum(axis=1), 1)
    assert (posterior[np.arange(6), material.people] == 0).all()


def test_neither_opinion_names_alone() -> None:
    rule = DecisionRule(slope=150.0, midpoint=0.4, threshold=0.5)
    sure_head_far_face = rule.confidence(np.array([[0.7, 0.8]]), np.array([[1.0, 0.0]]))
    assert (sure_head_far_face < rule.threshold).all()
    near_face_other_person = rule.confidence(np.array([[0.3, 0.31]]), np.array([[1e-6, 1 - 1e-6]]))
    assert near_face_other_person.argmax() == 1


@given(st.floats(-25, 25))
def test_logit_inverts_logistic(x: float) -> None:
    assert logit(logistic(x)) == pytest.approx(x, abs=1e-3)


@given(shares, st.integers(1, 1000))
def test_nearest_of_more_people_is_nearer(share: float, people: int) -> None:
    assert nearest_quantile(share, people + 1) < nearest_quantile(share, people)
