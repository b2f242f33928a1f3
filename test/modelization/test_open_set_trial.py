import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.training_set import TrainingSet
from modelization.decision.gallery import enrol
from modelization.folds import assign_folds
from modelization.search.network_gain import network_gain
from modelization.search.open_set_trial import OpenSetTrial
from test.modelization.made_up import PRIOR, training_set, trial


@pytest.fixture(scope="module")
def faces() -> TrainingSet:
    return training_set([4, 4, 3, 2, 1] * 3)


def asked(faces: TrainingSet, target_fpir: float) -> OpenSetTrial:
    return trial(faces, assign_folds(faces.people, 0), target_fpir)


def test_the_fewer_strangers_may_be_named_the_fewer_known_people_are(faces: TrainingSet) -> None:
    lax, strict = (asked(faces, share).margins_alone() for share in (0.05, 0.001))
    assert len(lax) == len(strict) == len(faces.people) - 3  # a person's only face is not judged
    assert (strict <= lax).all() and (strict < lax).any()
    assert (lax > 0).mean() > 0.8


def test_no_more_strangers_are_named_than_asked(faces: TrainingSet) -> None:
    """A known face that scored like the stranger at the threshold would not be named, and one a little better would."""
    found = asked(faces, 0.01)
    known = [np.count_nonzero(rows < len(faces.people)) for rows in found.held_out]
    strangers = [said.alone[count:].max(axis=1) for said, count in zip(found.logits, known, strict=True)]
    rival = [np.append(np.full(count, -99.0), scores) for count, scores in zip(known, strangers, strict=True)]
    level = np.sort(np.concatenate(strangers))[::-1][51]  # 51 of 5,120 are above: 1 %
    assert len(np.concatenate(strangers)) == 5120 and found.drawn_threshold(rival) == level
    for own, named in ((level, False), (level + 0.01, True)):
        margins = found.margins([np.full(count, own) for count in known], rival, level)
        assert ((margins > 0) == named).all()


@pytest.mark.parametrize("target", [0.05, 0.001])
def test_the_threshold_is_that_of_real_strangers_as_the_prior_knows_them(faces: TrainingSet, target: float) -> None:
    found = asked(faces, target)
    # Galleries without a fold have fewer pictures than that of everybody.
    everybody = enrol(faces.encodings, faces.people, len(faces.labels)).inverse_faces
    tail = PRIOR.rules["learned"].tail
    assert found.logits[0].inverse_faces > everybody
    assert found.real_threshold("learned") >= tail.threshold(target, len(faces.labels), everybody)


def test_who_is_alone_has_no_rival_but_the_threshold() -> None:
    margins = asked(training_set([6]), 0.01).margins_alone()
    assert len(margins) == 6 and np.isfinite(margins).all() and (margins > 0).mean() > 0.8


def test_strangers_that_judge_are_not_those_that_heads_are_trained_on(faces: TrainingSet) -> None:
    found = asked(faces, 0.01)
    judges, learned = np.concatenate(found.unseen), found.faces.background.strangers
    assert len(judges) == 4096 and (judges @ learned.T).max() < 0.9999


gains = st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.booleans()), min_size=2, max_size=40)


@given(gains, st.integers(0, 9))
def test_a_gain_is_the_difference_of_what_both_name(faces: list[tuple[int, bool, bool]], seed: int) -> None:
    people = np.array([person for person, _, _ in faces])
    alone, network = (np.where([face[column] for face in faces], 1.0, -1.0) for column in (1, 2))
    gain = network_gain(alone, network, people, seed)
    if len(np.unique(people)) < 2:
        assert gain is None
        return
    assert gain is not None and gain == network_gain(alone, network, people, seed)
    assert gain.gained == pytest.approx((network > 0).mean() - (alone > 0).mean())
    assert gain.alone == pytest.approx((alone < 0).mean())
    assert -1 <= gain.low <= gain.high <= 1


def test_the_interval_of_a_gain_is_over_people() -> None:
    """A hundred faces of one person among ten are one person, not a hundred faces."""
    people = np.concatenate([np.zeros(100), np.arange(1, 11)]).astype(np.int64)
    alone, network = np.full(110, -1.0), np.where(people == 0, 1.0, -1.0)
    gain = network_gain(alone, network, people, 0)
    assert gain is not None and gain.low == 0.0 and gain.gained > 0.9
