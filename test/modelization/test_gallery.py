import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.angle_evidence import unit
from modelization.decision.gallery import enrol
from test.modelization.made_up import faces


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(0, 99))
def test_a_gallery_is_means_in_any_order_of_faces(counts: list[int], seed: int) -> None:
    encodings, people = faces(counts, seed)
    order = np.random.default_rng(seed).permutation(len(people))
    gallery, shuffled = enrol(encodings, people, len(counts)), enrol(encodings[order], people[order], len(counts))
    np.testing.assert_allclose(gallery.means, shuffled.means, atol=1e-12)
    np.testing.assert_allclose(gallery.unit_means, shuffled.unit_means, atol=1e-12)
    assert gallery.faces.tolist() == counts
    for person in range(len(counts)):
        own = encodings[people == person].astype(np.float64)
        np.testing.assert_allclose(gallery.means[person], own.mean(axis=0), atol=1e-12)


def test_a_zero_vector_stays_zero() -> None:
    assert (unit(np.zeros((2, 128))) == 0).all()
