"""Who the faces of a build are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constants.exceptions import BuildFailed
from features.clustering import cluster
from features.people import Picture, named_faces
from features.selection import labelled_face
from features.store import FaceFeatures, ImageFeatures
from features.training_set import assemble
from test import strategies


def face(box, encoding=None):
    zeros = np.zeros(128, np.float32)
    return FaceFeatures(box, 1.0, np.zeros((5, 2), np.float32), zeros if encoding is None else encoding)


def directions(groups: int, seed: int = 0) -> np.ndarray:
    """Centres of made-up people, as far apart as different people's encodings are."""
    drawn = np.random.default_rng(seed).normal(size=(groups, 128))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def unlabelled(sizes: list[int], seed: int = 0) -> list[Picture]:
    rng = np.random.default_rng(seed)
    pictures = []
    for centre, size in zip(directions(len(sizes), seed), sizes, strict=True):
        for _ in range(size):
            encoding = (centre + rng.normal(size=128) * 0.02).astype(np.float32)
            image = ImageFeatures(100, 100, (face((20, 20, 80, 80), encoding),))
            pictures.append(Picture(len(pictures), f"{len(pictures):064x}", None, image))
    return pictures


def test_the_larger_of_two_faces_at_the_same_distance_is_meant():
    assert labelled_face(ImageFeatures(200, 100, (face((10, 30, 50, 70)), face((140, 20, 200, 80))))) == 1


def test_a_face_in_the_centre_is_meant_before_a_slightly_larger_one_at_the_edge():
    assert labelled_face(ImageFeatures(200, 200, (face((0, 0, 70, 70)), face((70, 70, 130, 130))))) == 1


def test_a_much_larger_face_is_meant_wherever_it_is():
    assert labelled_face(ImageFeatures(200, 200, (face((0, 0, 120, 120)), face((95, 95, 105, 105))))) == 0


@given(st.lists(strategies.faces, min_size=1, max_size=4), st.integers(32, 500), st.integers(32, 500))
def test_some_face_is_always_meant(faces, width, height):
    assert 0 <= labelled_face(ImageFeatures(width, height, tuple(faces))) < len(faces)


def test_labels_decide_where_there_are_any():
    image = ImageFeatures(100, 100, (face((0, 0, 10, 10)), face((20, 20, 80, 80))))
    named = named_faces([Picture(1, "a", "Alice", image), Picture(2, "b", None, image)])
    assert [(one.picture.file, one.face, one.person) for one in named] == [(1, 1, "Alice")]


def test_without_labels_people_are_numbered_by_falling_size_and_single_faces_left_out():
    named = named_faces(unlabelled([2, 5, 1, 3]))
    people = {one.picture.file: one.person for one in named}
    assert [people[file] for file in range(2)] == ["person-3"] * 2
    assert [people[file] for file in range(2, 7)] == ["person-1"] * 5
    assert 7 not in people
    assert [people[file] for file in range(8, 11)] == ["person-2"] * 3


def test_the_order_of_upload_does_not_change_the_people():
    pictures = unlabelled([3, 4, 3])
    forward = {one.picture.file: one.person for one in named_faces(pictures)}
    backward = {one.picture.file: one.person for one in named_faces(pictures[::-1])}
    assert forward == backward


def test_one_person_alone_is_refused_with_what_to_do():
    with pytest.raises(BuildFailed, match="send more pictures of each person"):
        named_faces(unlabelled([5, 1]))


def test_no_face_at_all_clusters_into_nobody():
    assert len(cluster(np.empty((0, 128), np.float32))) == 0
    assert named_faces([]) == []


@given(st.permutations(range(6)))
def test_a_training_set_is_the_same_in_any_order(order):
    faces = [(f"person {i % 3}", f"{i:064x}", np.full(128, i, np.float32)) for i in range(6)]
    one, other = assemble(faces), assemble(faces[i] for i in order)
    assert one.labels == other.labels == ("person 0", "person 1", "person 2")
    assert np.array_equal(one.encodings, other.encodings)
    assert np.array_equal(one.people, other.people)
    assert one.faces_per_person.tolist() == [2, 2, 2]


@pytest.mark.parametrize("labels", [[], ["Alice", "Alice"]])
def test_fewer_than_two_people_are_refused(labels):
    with pytest.raises(BuildFailed, match="at least two people"):
        assemble((label, str(i), np.zeros(128, np.float32)) for i, label in enumerate(labels))
