"""Who the faces of a build are."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constants.exceptions import BuildFailed
from features.clustering import cluster
from features.face_naming import MAX_VIDEO_FACES, Picture, named_faces
from features.labelled_face import labelled_face, prominence
from features.store import FaceFeatures, ImageFeatures
from features.training_set import assemble
from test import strategies
from test.modelization import made_up


def face(box, encoding=None, score=1.0):
    zeros = np.zeros(128, np.float32)
    return FaceFeatures(box, score, np.zeros((5, 2), np.float32), zeros if encoding is None else encoding)


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


def test_what_is_hardly_a_face_is_not_meant_although_it_is_larger():
    """Eileen Collins, and the badge on her space suit, as dlib's detector finds them in her portrait."""
    found = face((179, 83, 267, 171), score=1.498), face((123, 330, 228, 435), score=0.087)
    assert labelled_face(ImageFeatures(512, 512, found)) == 0


@given(st.lists(strategies.faces, min_size=1, max_size=4), st.integers(32, 500), st.integers(32, 500))
def test_some_face_is_always_meant(faces, width, height):
    assert 0 <= labelled_face(ImageFeatures(width, height, tuple(faces))) < len(faces)


def test_a_box_means_the_face_in_it_however_small():
    image = ImageFeatures(200, 200, (face((60, 60, 140, 140)), face((10, 10, 30, 30)), face((20, 0, 40, 20))))
    assert np.argmax(prominence(image, (0, 0, 35, 35))) == 1
    assert prominence(image, (150, 150, 190, 190)) == [float("-inf")] * 3


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


def people_of(counts: list[int], seed: int) -> list[list[FaceFeatures]]:
    """Faces of made-up people, side by side in a picture as wide as many of them."""
    encodings, people = made_up.faces(counts, seed)
    left = iter(range(len(people)))
    faces = [face((100 * (i := next(left)) + 10, 10, 100 * i + 90, 90), encoding) for encoding in encodings]
    return [[faces[i] for i in np.flatnonzero(people == person)] for person in range(len(counts))]


def picture(file: int, label: str | None, *faces: FaceFeatures, content: int | None = None, box=None) -> Picture:
    return Picture(file, f"{file if content is None else content:064x}", label, ImageFeatures(2000, 100, faces), box)


def names(named) -> set[tuple[int, int, str]]:
    return {(one.picture.file, one.face, one.person) for one in named}


def test_labelled_pictures_name_those_who_resemble_them_and_the_rest_get_numbers():
    ada, ben, cleo, stranger = people_of([4, 4, 3, 1], seed=41)
    pictures = [picture(0, "Ada", ada[0]), picture(1, "person-1", ben[0]), picture(2, "person-1", ben[1])]
    pictures += [picture(3, None, ada[1]), picture(4, None, ben[2], ada[2]), picture(5, None, cleo[0], stranger[0])]
    pictures += [picture(6, None, cleo[1])]
    assert names(named_faces(pictures)) == {
        (0, 0, "Ada"),
        (1, 0, "person-1"),
        (2, 0, "person-1"),
        (3, 0, "Ada"),
        (4, 0, "person-1"),
        (4, 1, "Ada"),
        (5, 0, "person-2"),
        (6, 0, "person-2"),
    }


def test_other_faces_of_labelled_pictures_join_only_when_asked():
    ada, ben = people_of([4, 4], seed=42)
    pictures = [picture(i, "Ada", ben[i], ada[i]) for i in range(2)] + [picture(2, "Ada", ada[2])]
    own = {(0, 1, "Ada"), (1, 1, "Ada"), (2, 0, "Ada")}
    assert names(named_faces(pictures)) == own
    assert names(named_faces(pictures, use_other_faces=True)) == own | {(0, 0, "person-1"), (1, 0, "person-1")}


def test_a_picture_with_two_labels_stands_for_both_people():
    ada, ben = people_of([2, 2], seed=43)
    group = [picture(file, label, ben[0], ada[0], content=0) for file, label in enumerate(("Ada", "Ben"))]
    pictures = [*group, picture(2, "Ada", ada[1]), picture(3, "Ben", ben[1])]
    expected = {(0, 1, "Ada"), (1, 0, "Ben"), (2, 0, "Ada"), (3, 0, "Ben")}
    assert names(named_faces(pictures)) == names(named_faces(pictures[::-1])) == expected
    # With nothing left over, using other faces changes nothing.
    assert names(named_faces(pictures, use_other_faces=True)) == expected


def test_a_box_is_obeyed_and_one_without_a_face_takes_none():
    ada, ben = people_of([2, 2], seed=44)
    boxed = picture(0, "Ada", ada[0], ben[0], box=ben[0].box)
    empty = picture(1, "Ada", ada[1], box=(1900, 0, 1999, 99))
    assert names(named_faces([boxed, empty, picture(2, "Ben", ben[1])])) == {(0, 1, "Ada"), (2, 0, "Ben")}


def test_who_is_known_to_stand_for_somebody_goes_on_doing_so():
    ada, ben = people_of([5, 3], seed=46)
    # Somebody has decided that a face of Ben's is Ada's; of the unlabelled picture only one face was taken.
    decided = replace(picture(0, "Ada", ada[0], ben[0]), taken=1)
    heap = picture(1, None, ada[1], ben[1])
    pictures = [
        decided,
        replace(heap, label="Ada", taken=0),
        heap,
        picture(2, "Ada", ada[2]),
        picture(3, "Ben", ben[2]),
    ]
    expected = {(0, 1, "Ada"), (1, 0, "Ada"), (1, 1, "Ben"), (2, 0, "Ada"), (3, 0, "Ben")}
    assert names(named_faces(pictures)) == names(named_faces(pictures[::-1])) == expected


def test_of_a_video_no_more_than_a_few_faces_of_a_person_are_taken():
    ada, ben = people_of([40, 3], seed=45)
    frames = [replace(picture(file, "Ada", one), video="v" * 64) for file, one in enumerate(ada[:35])]
    frames.append(replace(picture(40, "Ada", ada[0], content=99), video="v" * 64))
    named = named_faces([*frames, picture(50, "Ada", ada[36]), *(picture(60 + i, "Ben", ben[i]) for i in range(3))])
    files = [face.picture.file for face in named]
    assert len([file for file in files if file < 50]) == MAX_VIDEO_FACES
    assert {50, 60, 61, 62} <= set(files)


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


def test_nobody_is_refused():
    with pytest.raises(BuildFailed, match="face of somebody"):
        assemble([])
