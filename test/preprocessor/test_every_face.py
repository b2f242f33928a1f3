"""Every face of a picture: no detector stops another, and no face is found twice."""

import cv2
import numpy as np
import pytest

from constants.settings import Settings
from preprocessor.cascade_detector import CascadeDetector
from preprocessor.detector import Detector
from preprocessor.every_face_detector import EveryFaceDetector
from preprocessor.face_pipeline import Detectors, make_detectors
from preprocessor.types import Box, DetectedFace, Pixels
from test.preprocessor.test_cascade import SIDE

NOTHING = np.zeros((40, 40, 3), np.uint8)


class At(Detector):
    """Always a face of 10 pixels at each of some places, the surest first."""

    name = "at"

    def __init__(self, *lefts: float, side: float = 10) -> None:
        self.faces = [DetectedFace(Box(left, 0, left + side, side), -left) for left in lefts]

    def _detect(self, pixels: Pixels) -> list[DetectedFace]:
        return self.faces


@pytest.fixture(scope="module")
def detectors(tmp_path_factory: pytest.TempPathFactory) -> Detectors:
    return make_detectors(Settings(data_dir=tmp_path_factory.getbasetemp(), detector="every"))


def lefts(*detectors: Detector, last: Detector) -> list[float]:
    return [face.box.left for face in EveryFaceDetector(detectors, last).detect(NOTHING)]


def test_a_further_detector_adds_what_the_first_did_not_find():
    assert lefts(At(20, 50), At(0, 22, 80), last=At(500)) == [20, 50, 0, 80]


def test_a_face_within_a_face_is_the_same():
    assert lefts(At(20, side=40), At(30, 70), last=At(500)) == [20, 70]


def test_the_last_is_asked_where_the_others_find_nobody():
    assert lefts(At(), At(), last=At(500)) == [500]
    assert lefts(At(), At(7), last=At(500)) == [7]


@pytest.fixture(scope="module")
def two_sizes(astronaut: np.ndarray) -> Pixels:
    """The astronaut's head and shoulders, and beside them once more with a face of 50 pixels."""
    astronaut = astronaut[:320]  # HOG sees another face in the suit below
    picture = np.full((astronaut.shape[0], astronaut.shape[1] + 260, 3), 128, np.uint8)
    picture[:, : astronaut.shape[1]] = astronaut
    small = cv2.resize(astronaut, None, fx=50 / SIDE, fy=50 / SIDE, interpolation=cv2.INTER_AREA)
    picture[: small.shape[0], astronaut.shape[1] + 10 :][:, : small.shape[1]] = small
    return picture


def test_a_small_face_is_found_beside_a_large_one(detectors, two_sizes):
    every, own = detectors.every.detect(two_sizes), detectors.own.detect(two_sizes)
    # What one person's picture needs comes first, so that a face's place does not depend on how far is looked.
    assert every[: len(own)] == own
    assert own[0].box.width == pytest.approx(SIDE, abs=20)
    assert all(face.box.left < two_sizes.shape[1] - 260 for face in own)
    (small,) = (face for face in every if face.box.left > two_sizes.shape[1] - 260)
    assert small.box.width == pytest.approx(50, abs=10)


def test_nobody_is_nobody(detectors):
    assert detectors.every.detect(np.full((90, 120, 3), 90, np.uint8)) == []


def test_one_persons_picture_is_searched_as_by_the_cascade(detectors):
    assert isinstance(detectors.own, CascadeDetector)
