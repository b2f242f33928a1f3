import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from constants.training import DIFFERENT_PEOPLE_ANGLE, SAME_PERSON_ANGLE, SAME_PERSON_COSINE
from modelization.gallery import enrol
from test.modelization.made_up import faces, split


def test_constants_agree() -> None:
    assert abs(np.arccos(SAME_PERSON_COSINE) - SAME_PERSON_ANGLE) < 1e-3


@given(st.sampled_from([1, 2, 5, 20]))
def test_angles_do_not_depend_on_how_many_pictures_are_enrolled(count: int) -> None:
    enrolled, probes, people = split([count] * 30, 10)
    gallery = enrol(enrolled.encodings, enrolled.people, 30)
    own = gallery.angles(probes)[np.arange(len(people)), people]
    strangers = gallery.angles(faces([1] * 200, 1)[0])
    assert abs(own.mean() - SAME_PERSON_ANGLE) < 0.01
    assert abs(strangers.mean() - DIFFERENT_PEOPLE_ANGLE) < 0.03


def test_length_of_an_encoding_says_nothing() -> None:
    enrolled, probes, _ = split([3, 3], 5)
    gallery = enrol(enrolled.encodings, enrolled.people, 2)
    np.testing.assert_allclose(gallery.angles(probes), gallery.angles(7 * probes), atol=1e-6)
