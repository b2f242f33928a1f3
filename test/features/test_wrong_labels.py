"""Labels that are probably wrong are doubted, and the right ones are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.wrong_labels import doubt_labels
from test.modelization import made_up


def test_exchanged_labels_are_doubted_with_whom_they_show():
    encodings, people = made_up.faces([5] * 20, seed=21)
    labels = people.copy()
    labels[[0, 50]], labels[[7, 93]] = people[[50, 0]], people[[93, 7]]
    doubts = doubt_labels(encodings, labels)
    wrong = [0, 7, 50, 93]
    assert np.flatnonzero(doubts.wrong > 0.5).tolist() == wrong
    assert doubts.resembles[wrong].tolist() == people[wrong].tolist()


def test_a_stranger_under_a_name_resembles_nobody():
    encodings, people = made_up.faces([6, 6, 6, 1], seed=22)
    doubts = doubt_labels(encodings, np.where(people == 3, 0, people))
    assert np.flatnonzero(doubts.wrong > 0.5).tolist() == [18]
    assert doubts.resembles[18] == -1


def test_of_two_pictures_that_disagree_the_one_of_someone_else_here_is_doubted():
    encodings, people = made_up.faces([1, 5, 5], seed=23)
    labels = people.copy()
    labels[1] = 0
    assert np.flatnonzero(doubt_labels(encodings, labels).wrong > 0.5).tolist() == [1]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=8), st.integers(0, 99))
def test_right_labels_are_not_doubted(counts, seed):
    assert (doubt_labels(*made_up.faces(counts, seed)).wrong < 0.5).all()


@pytest.mark.parametrize("counts", [[], [1], [4]])
def test_where_there_is_nobody_else_there_is_no_doubt(counts):
    encodings, people = made_up.faces(counts, seed=24) if counts else (np.empty((0, 128)), np.empty(0, np.int64))
    doubts = doubt_labels(encodings, people)
    assert (doubts.wrong < 0.5).all() and (doubts.resembles == -1).all()
    assert len(doubts.wrong) == sum(counts)
