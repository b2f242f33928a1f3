"""BCubed and pairwise F."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.grouping import bcubed, pairwise


def test_by_hand():
    # A, A, A, B, B in the groups {A, A, B} and {A, B}.
    people, groups = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 0, 1])
    found = bcubed(people, groups)
    assert found.precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 2 + 1 / 3 + 1 / 2) / 5)
    assert found.recall == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 / 2 + 1 / 2) / 5)
    assert pairwise(people, groups).precision == pytest.approx(1 / 4)
    assert pairwise(people, groups).recall == pytest.approx(1 / 4)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_people_themselves_are_perfect_and_precision_is_recall_the_other_way_round(people):
    people = np.array(people)
    assert bcubed(people, people).f == pytest.approx(1)
    groups = np.arange(len(people)) % 3
    for score in (bcubed, pairwise):
        assert score(people, groups).precision == pytest.approx(score(groups, people).recall)
