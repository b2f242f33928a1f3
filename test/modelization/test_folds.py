import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from modelization.folds import MAX_FOLDS, NEVER, assign_folds


@given(st.lists(st.integers(1, 20), min_size=2, max_size=12), st.integers(0, 99))
def test_everyone_stays_in_training(counts: list[int], seed: int) -> None:
    people = np.repeat(np.arange(len(counts)), counts)
    folds = assign_folds(people, seed)
    for person, count in enumerate(counts):
        own = folds[people == person]
        assert (own == NEVER).all() if count == 1 else (own != NEVER).all()
        for fold in range(MAX_FOLDS):
            assert (own != fold).any()


@given(st.lists(st.integers(1, 20), min_size=2, max_size=12))
def test_a_persons_faces_are_spread_evenly(counts: list[int]) -> None:
    people = np.repeat(np.arange(len(counts)), counts)
    folds = assign_folds(people, 0)
    for person, count in enumerate(counts):
        sizes = np.bincount(folds[(people == person) & (folds != NEVER)], minlength=min(MAX_FOLDS, max(counts)))
        assert count == 1 or np.ptp(sizes) <= 1
