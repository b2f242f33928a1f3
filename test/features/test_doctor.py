"""What the doctor finds in the faces of a build."""

import numpy as np
import pytest

from features.doctor import examine, without_suspects
from features.face_naming import NamedFace, Picture, named_faces
from features.store import FaceFeatures, ImageFeatures
from test.modelization import made_up


def features(*encodings: np.ndarray) -> ImageFeatures:
    faces = (
        FaceFeatures((100.0 * i, 0.0, 100.0 * i + 90, 90.0), 1.0, np.zeros((5, 2), np.float32), encoding)
        for i, encoding in enumerate(encodings)
    )
    return ImageFeatures(400, 100, tuple(faces))


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    """Five people with six pictures each, Eve with two, and a face too many in the first picture."""
    encodings, people = made_up.faces([6] * 5 + [2, 1], seed=51)
    labels = [*"ABCDE", "Eve"]
    first = features(encodings[0], encodings[-1])
    return [
        Picture(i, f"{i:064x}", labels[person], first if i == 0 else features(encoding))
        for i, (encoding, person) in enumerate(zip(encodings[:-1], people[:-1], strict=True))
    ]


def relabelled(pictures: list[Picture], labels: dict[int, str]) -> list[NamedFace]:
    return named_faces([Picture(p.file, p.content_hash, labels.get(p.file, p.label), p.features) for p in pictures])


def copied(pictures: list[Picture], file: int, as_file: int, label: str, noise: float) -> Picture:
    """A picture once more, as if resized or saved anew."""
    encoding = pictures[file].features.faces[0].encoding
    changed = encoding + np.random.default_rng(file).normal(size=128).astype(np.float32) * noise
    return Picture(as_file, f"{as_file:064x}", label, features(changed.astype(np.float32)))


def test_where_nothing_is_wrong_only_the_few_pictures_are_mentioned(pictures):
    found = examine(pictures, named_faces(pictures))
    assert not any(face.is_suspect or face.near_duplicates for face in found.faces)
    assert [person.person for person in found.people] == ["A", "B", "C", "D", "E", "Eve"]
    assert [person.faces for person in found.people] == [6] * 5 + [2]
    assert [person.has_few for person in found.people] == [False] * 5 + [True]
    assert not any(person.looks_like for person in found.people)
    assert found.left_out == ((0, 1),)


def test_exchanged_labels_are_suspect_and_can_be_left_out(pictures):
    named = relabelled(pictures, {2: "B", 8: "A"})
    found = examine(pictures, named)
    suspects = {(face.file, face.person): face.resembles for face in found.faces if face.is_suspect}
    assert suspects == {(2, "B"): "A", (8, "A"): "B"}
    assert {person.person: person.suspects for person in found.people if person.suspects} == {"A": 1, "B": 1}
    kept = without_suspects(named, found)
    assert {face.picture.file for face in named} - {face.picture.file for face in kept} == {2, 8}


def test_two_labels_of_one_person_are_noticed_from_both_sides(pictures):
    found = examine(pictures, relabelled(pictures, {3: "Ah", 4: "Ah", 5: "Ah"}))
    assert {p.person: p.looks_like for p in found.people if p.looks_like} == {"A": ("Ah",), "Ah": ("A",)}


def test_copies_are_found_also_under_other_names(pictures):
    copies = [copied(pictures, 7, 100, "B", 0.003), copied(pictures, 14, 101, "E", 0.003)]
    everything = [*pictures, *copies]
    found = examine(everything, named_faces(everything))
    near = {face.file: face.near_duplicates for face in found.faces if face.near_duplicates}
    assert near == {7: (100,), 100: (7,), 14: (101,), 101: (14,)}
    assert [face.file for face in found.faces if face.is_suspect] == [101]


def test_a_face_that_two_labels_were_given_is_no_copy_of_itself(pictures):
    twice = [*pictures, Picture(100, pictures[0].content_hash, "B", pictures[0].features)]
    found = examine(twice, named_faces(twice))
    assert not any(face.near_duplicates for face in found.faces)
    assert found.left_out == ()


def test_the_most_typical_face_is_not_the_odd_one(pictures):
    found = examine(pictures, relabelled(pictures, {6: "A"}))
    typical = {person.person: person.typical for person in found.people}
    assert typical["A"][0] in range(6)
    assert all(face == 0 for _, face in typical.values())


def test_no_faces_no_findings():
    empty = examine([], [])
    assert (empty.faces, empty.people, empty.left_out) == ((), (), ())
