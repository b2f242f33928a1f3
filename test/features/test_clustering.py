"""Faces without names become people."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import AgglomerativeClustering

from bench.grouping import bcubed
from features.angle_evidence import angle_of, evidence, unit
from features.clustering import cluster, link_angle, most_typical
from test.modelization import made_up


def same_partition(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(((one[:, None] == one) == (other[:, None] == other)).all())


def test_people_of_any_number_of_pictures_are_told_apart():
    encodings, people = made_up.faces([1, 2, 5, 30, 1, 3, 8, 1], seed=30)
    assert same_partition(cluster(encodings), people)


def test_in_a_large_heap_few_people_are_taken_for_one():
    encodings, people = made_up.faces([1] * 150 + [4] * 50 + [12] * 20, seed=8)
    assert bcubed(people, cluster(encodings)).f > 0.95


def test_groups_are_numbered_by_falling_size_then_by_their_first_face():
    encodings, people = made_up.faces([2, 5, 1, 3, 2], seed=2)
    assert [cluster(encodings)[people == person][0] for person in range(5)] == [2, 0, 4, 1, 3]


@given(st.integers(0, 1000), st.integers(1, 60))
def test_it_is_average_linkage(seed, count):
    # Faces of every distance, not only of clear people.
    rng = np.random.default_rng(seed)
    encodings = unit(np.eye(128)[0] * 1.5 + rng.normal(size=(count, 128)) * 0.08).astype(np.float32)
    found = cluster(encodings)
    if count > 1:
        distances = 1 - unit(encodings) @ unit(encodings).T
        limit = 1 - np.cos(link_angle(count))
        reference = AgglomerativeClustering(
            n_clusters=None, metric="precomputed", linkage="average", distance_threshold=limit
        )
        assert same_partition(found, reference.fit_predict(distances))


@given(st.permutations(range(12)))
def test_the_order_of_faces_does_not_matter(order):
    encodings, people = made_up.faces([3, 4, 1, 4], seed=3)
    assert same_partition(cluster(encodings[order]), people[list(order)])


def test_known_people_are_never_parted_nor_joined_and_draw_others():
    encodings, people = made_up.faces([6, 6, 2], seed=4)
    # The first person's faces are known by two names, and one of the second's as the first's.
    known = np.full(len(people), -1)
    known[[0, 1]], known[[2, 3]], known[[6]], known[[7, 8, 9]] = 0, 1, 0, 2
    groups = cluster(encodings, known)
    assert groups[0] == groups[1] == groups[6]
    assert groups[2] == groups[3] != groups[0]
    assert set(groups[4:6].tolist()) <= {groups[0], groups[2]}
    assert (groups[7:12] == groups[7]).all()
    assert groups[12] == groups[13]
    assert len({*groups[[0, 2, 7, 12]].tolist()}) == 4


def test_copies_of_a_face_are_one_group():
    encodings, _ = made_up.faces([1, 1], seed=5)
    assert cluster(encodings[[0, 0, 0, 1, 1, 0]]).tolist() == [0, 0, 0, 1, 1, 0]


@pytest.mark.parametrize("count", [0, 1])
def test_next_to_nothing_can_be_clustered(count):
    encodings = made_up.faces([1], seed=6)[0][:count]
    assert cluster(encodings).tolist() == [0] * count
    assert most_typical(encodings, np.zeros(count, np.int64)).tolist() == [0] * count


def test_the_more_faces_the_nearer_must_two_be():
    angles = [link_angle(faces) for faces in (1, 10, 100, 1000, 10_000)]
    assert angles[0] == angles[1] > angles[2] > angles[3] > angles[4] > 0.3


@given(st.floats(-3, 9))
def test_the_angle_of_an_evidence_has_it(nats):
    assert evidence(np.array([angle_of(nats)]))[0] == pytest.approx(nats, abs=1e-6)


def test_evidence_falls_with_the_angle_and_is_plain_between_the_usual_ones():
    for pictures in (1, 3, 20):
        found = evidence(np.linspace(0, 0.574, 200), float(pictures))
        assert (np.diff(found) <= 0).all()
        assert found[0] > 3 and found[-1] < -3


def test_the_most_typical_face_is_the_nearest_to_its_group_and_not_an_odd_one():
    encodings, people = made_up.faces([5, 9, 1], seed=7)
    groups = cluster(encodings)
    typical = most_typical(encodings, groups)
    assert groups[typical].tolist() == [0, 1, 2]
    assert people[typical].tolist() == [1, 0, 2]
    for group, face in enumerate(typical):
        own = unit(encodings[groups == group])
        mean = own.mean(axis=0)
        assert unit(encodings[[face]])[0] @ mean == pytest.approx((own @ mean).max())
