"""What is found in pictures, by the names that they were sent with."""

import numpy as np

from features.doctor import examine
from features.face_naming import NamedFace, Picture
from features.store import FaceFeatures, ImageFeatures
from modelization.findings import Findings, name_files
from test.modelization.made_up import faces


def findings(encodings: np.ndarray, labels: list[str]) -> Findings:
    """Of one picture for each face; file k is ``k.jpg``."""
    pictures = [
        Picture(k, f"{k:064x}", label, ImageFeatures(90, 90, (_face(encoding),)))
        for k, (encoding, label) in enumerate(zip(encodings, labels, strict=True))
    ]
    named = [NamedFace(picture, 0, str(picture.label)) for picture in pictures]
    return name_files(examine(pictures, named), {k: f"{k}.jpg" for k in range(len(labels))})


def _face(encoding: np.ndarray) -> FaceFeatures:
    return FaceFeatures((0.0, 0.0, 90.0, 90.0), 1.0, np.zeros((5, 2), np.float32), encoding)


def test_nothing_is_said_of_pictures_in_order() -> None:
    encodings, people = faces([6, 6, 6], 3)
    assert findings(encodings, [f"{who}" for who in people]) == Findings()


def test_an_exchanged_label_is_doubted_under_its_file_name() -> None:
    encodings, people = faces([6, 6, 6], 3)
    labels = [f"{who}" for who in people]
    labels[2] = "1"
    (doubtful,) = findings(encodings, labels).doubtful_labels
    assert (doubtful.file, doubtful.person, doubtful.resembles) == ("2.jpg", "1", "0")
    assert 0.5 < doubtful.probability <= 1


def test_copies_of_copies_are_one_group() -> None:
    encodings, people = faces([6, 6], 3)
    step = np.random.default_rng(0).normal(size=128).astype(np.float32)
    step *= 0.07 * np.linalg.norm(encodings[0]) / np.linalg.norm(step)
    # The first and the third are 0.14 radians apart, which is no near-duplicate; the second is one of both.
    more = np.stack([encodings[0] + step, encodings[0] + 2 * step, encodings[11] * 1.01])
    found = findings(np.concatenate([encodings, more]), [*(f"{who}" for who in people), "0", "0", "1"])
    assert found.near_duplicates == (("0.jpg", "12.jpg", "13.jpg"), ("11.jpg", "14.jpg"))


def test_one_person_under_two_labels_is_said_once() -> None:
    encodings, people = faces([8, 6], 3)
    labels = ["Eve" if who else ("Bob", "Robert")[k % 2] for k, who in enumerate(people)]
    assert findings(encodings, labels).same_person == (("Bob", "Robert"),)
