import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelization.decision.stranger_tail import SHARES, StrangerScores, fit_tail

COEFFICIENTS = 2.0, 1.5, -1.0


def galleries(seed: int) -> list[StrangerScores]:
    """Strangers whose scores are known to be logistic, moved by a gallery's size."""
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(120):
        people, inverse = int(np.exp(rng.uniform(np.log(2), np.log(500)))), float(rng.choice([1.0, 1 / 3, 1 / 8]))
        level = COEFFICIENTS[0] + COEFFICIENTS[1] * np.log(people) + COEFFICIENTS[2] * inverse
        drawn.append(StrangerScores(people, inverse, level + rng.logistic(size=800)))
    return drawn


TAIL = fit_tail(galleries(0))


@pytest.mark.parametrize("share", SHARES)
def test_strangers_of_other_galleries_are_named_as_often_as_asked(share: float) -> None:
    found = [(g.logits > TAIL.threshold(share, g.people, g.inverse_faces)).mean() for g in galleries(1)]
    assert np.mean(found) == pytest.approx(share, rel=0.25, abs=2e-4)


def test_a_threshold_moves_with_the_size_of_a_gallery() -> None:
    few, many = (TAIL.threshold(0.01, people, 1 / 3) for people in (5, 500))
    assert many - few == pytest.approx(COEFFICIENTS[1] * np.log(100), rel=0.1)


@given(st.floats(1e-5, 0.5), st.floats(1e-5, 0.5), st.integers(2, 2000), st.floats(0.01, 1.0))
def test_fewer_strangers_need_a_higher_threshold(one: float, other: float, people: int, inverse: float) -> None:
    strict, lax = sorted((one, other))
    assert TAIL.threshold(strict, people, inverse) >= TAIL.threshold(lax, people, inverse) - 0.3


def test_beyond_what_was_seen_the_tail_goes_on_as_it_fell() -> None:
    levels = [TAIL.threshold(share, 50, 0.2) for share in (0.0005, 0.00005, 0.000005)]
    assert levels[1] - levels[0] == pytest.approx(np.log(10), rel=0.35)
    assert levels[2] - levels[1] == pytest.approx(levels[1] - levels[0])
