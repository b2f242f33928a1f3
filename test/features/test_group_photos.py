"""Of a labelled picture with several faces the one is taken that belongs with its person's other pictures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.group_photos import LabelledPicture, choose_faces
from test.modelization import made_up

NOBODY = float("-inf")


@pytest.fixture(scope="module")
def faces() -> list[np.ndarray]:
    """Eight faces each of six people."""
    encodings, _ = made_up.faces([8] * 6, seed=11)
    return list(encodings.reshape(6, 8, 128))


def picture(person: int, number: int, encodings: list[np.ndarray], prominence: list[float] | None = None):
    return LabelledPicture(person, number, np.stack(encodings), np.array(prominence or [0.0] * len(encodings)))


def test_a_group_photo_follows_the_person_s_single_pictures_whoever_stands_in_front(faces):
    ada, ben, cleo = faces[:3]
    pictures = [picture(0, 0, [ada[0]]), picture(0, 1, [ben[0], cleo[0], ada[1]], [3.0, 1.0, 0.0])]
    assert choose_faces(pictures) == [0, 2]


@given(st.permutations(range(4)), st.integers(0, 3))
def test_group_photos_alone_agree_on_who_is_in_all_of_them(faces, order, rotation):
    ada, *others = faces
    pictures = []
    for number in range(4):
        group = [ada[number], others[order[number]][number], others[(order[number] + 1) % 5][number]]
        pictures.append(picture(0, number, group[rotation % 3 :] + group[: rotation % 3], [0.0, 0.7, 0.2]))
    assert choose_faces(pictures) == [(3 - rotation % 3) % 3] * 4


def test_a_couple_is_told_apart_by_the_other_label(faces):
    # Ada's pictures all show Ben too, in front of her; only Ben's own pictures say who he is.
    ada, ben = faces[:2]
    pictures = [picture(0, number, [ben[number], ada[number]], [1.0, 0.0]) for number in range(3)]
    pictures += [picture(1, number, [ben[number]]) for number in range(3, 5)]
    assert choose_faces(pictures) == [1, 1, 1, 0, 0]


def test_a_single_picture_goes_by_prominence_unless_a_face_is_known_to_be_someone_else_s(faces):
    ada, ben, cleo = faces[:3]
    group = picture(0, 0, [ben[0], ada[0], cleo[0]], [1.0, 0.5, 0.0])
    assert choose_faces([group]) == [0]
    assert choose_faces([group, picture(1, 1, [ben[1]]), picture(1, 2, [ben[2]])]) == [1, 0, 0]


def test_two_labels_of_a_picture_get_two_faces(faces):
    ada, ben = faces[:2]
    both = [picture(0, 0, [ben[0], ada[0]], [2.0, 0.0]), picture(1, 0, [ben[0], ada[0]], [2.0, 0.0])]
    assert sorted(choose_faces(both)) == [0, 1]
    assert choose_faces([*both, picture(0, 1, [ada[1]]), picture(1, 2, [ben[1]])]) == [1, 0, 0, 0]


def test_a_face_cannot_be_two_people(faces):
    ada, ben = faces[:2]
    pictures = [picture(0, 0, [ben[0]]), picture(1, 0, [ben[0]]), picture(0, 1, [ada[1]]), picture(1, 2, [ben[1]])]
    assert choose_faces(pictures) == [None, 0, 0, 0]


def test_a_face_that_is_out_of_the_question_is_never_taken(faces):
    ada, ben = faces[:2]
    pictures = [
        picture(0, 0, [ada[0], ben[0]], [NOBODY, 0.0]),
        picture(0, 1, [ada[1]]),
        picture(0, 2, [ada[2]], [NOBODY]),
    ]
    assert choose_faces(pictures) == [1, 0, None]


def test_a_person_of_very_many_pictures(faces):
    encodings, _ = made_up.faces([250, 250], seed=12)
    pictures = [picture(0, number, [encodings[250 + number], encodings[number]], [1.0, 0.0]) for number in range(125)]
    pictures += [picture(0, number, [encodings[number]]) for number in range(125, 250)]
    assert choose_faces(pictures) == [1] * 125 + [0] * 125


def test_where_there_is_nothing_to_choose_others_choices_stay(faces):
    ada, ben, cleo, *_ = faces
    group = [picture(0, 0, [ben[0], ada[0]], [1.0, 0.0]), picture(0, 1, [ada[1]])]
    alone = [picture(1, 2, [ben[1]]), picture(2, 3, [cleo[0]]), picture(2, 4, [cleo[1]], [NOBODY])]
    assert choose_faces([*group, *alone]) == [1, 0, 0, 0, None]
    assert choose_faces(alone) == [0, 0, None]


def test_no_picture_has_no_choice():
    assert choose_faces([]) == []
