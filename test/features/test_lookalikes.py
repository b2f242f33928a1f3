"""Faces that may be of a person although nobody said so."""

import numpy as np

from features.lookalikes import may_be_of
from test.modelization import made_up


def test_a_persons_other_faces_are_found_among_those_of_many():
    encodings, _ = made_up.faces([12, 1, *[1] * 200], seed=71)
    alike = may_be_of(encodings[6:], encodings[:6])
    assert alike[:6].all()
    assert alike[6:].mean() < 0.1


def test_one_picture_is_enough_and_none_finds_nobody():
    encodings, _ = made_up.faces([5, 5], seed=72)
    assert may_be_of(encodings[1:], encodings[:1])[:4].any()
    assert not may_be_of(encodings, np.empty((0, 128), np.float32)).any()
    assert may_be_of(np.empty((0, 128), np.float32), encodings).shape == (0,)
