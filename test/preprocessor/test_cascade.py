"""Detectors in order of cost: each is asked only where the one before found nothing."""

from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest

from constants.detectors import DetectorName
from constants.settings import Settings
from preprocessor.cascade_detector import CascadeDetector
from preprocessor.detector import Detector
from preprocessor.face_pipeline import make_pipeline
from preprocessor.hog_detector import HogDetector
from preprocessor.mmod_detector import MmodDetector
from preprocessor.types import Box, DetectedFace

#: Middle of the astronaut's face, and its side as HOG finds it, in pixels.
CENTRE, SIDE = (225, 130), 107
#: Pictures of the data set among which one is looked for that HOG finds nobody in.
SEARCHED = 1000


class Counting(Detector):
    """Another detector, and how often it was asked."""

    name = "counting"

    def __init__(self, inner: Detector) -> None:
        self._inner = inner
        self.asked = 0

    def _detect(self, pixels):
        self.asked += 1
        return self._inner.detect(pixels)


class Finding(Detector):
    """Always the same faces."""

    name = "finding"

    def __init__(self, *scores: float) -> None:
        self._scores = scores

    def _detect(self, pixels):
        return [DetectedFace(Box(0, 0, 10, 10), score) for score in self._scores]


@pytest.fixture(scope="module")
def stages(tmp_path_factory) -> list[Detector]:
    """HOG, doubled HOG and MMOD."""
    return [HogDetector(), HogDetector(upsample=1), MmodDetector(tmp_path_factory.getbasetemp() / "graphs")]


def asked_of(stages: list[Detector], pixels: np.ndarray) -> tuple[list[int], list[DetectedFace]]:
    counting = [Counting(stage) for stage in stages]
    faces = CascadeDetector(counting).detect(pixels)
    return [stage.asked for stage in counting], faces


def astronaut_with_face_of(astronaut: np.ndarray, side: int) -> np.ndarray:
    scale = side / SIDE
    return cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def holds(box: Box, x: float, y: float) -> bool:
    return box.left <= x < box.right and box.top <= y < box.bottom


@pytest.mark.parametrize(
    ("scores", "asked"), [([(1,), (2,)], [1, 0]), ([(), (2,)], [1, 1]), ([(), ()], [1, 1]), ([(3, 1), ()], [1, 0])]
)
def test_the_first_that_finds_any_answers(scores, asked):
    found_asked, faces = asked_of([Finding(*each) for each in scores], np.zeros((40, 40, 3), np.uint8))
    assert found_asked == asked
    assert [face.score for face in faces] == list(next(filter(None, scores), ()))


def test_a_large_face_is_found_by_hog_alone(stages, astronaut):
    asked, faces = asked_of(stages, astronaut)
    assert asked == [1, 0, 0]
    assert holds(faces[0].box, *CENTRE)


def test_a_small_face_needs_the_doubled_picture(stages, astronaut):
    asked, faces = asked_of(stages, astronaut_with_face_of(astronaut, 45))
    assert asked == [1, 1, 0]
    assert faces[0].box.width == pytest.approx(45, abs=10)
    assert holds(faces[0].box, *(45 / SIDE * np.array(CENTRE)))


def test_nobody_is_looked_for_by_all(stages):
    assert asked_of(stages, np.full((120, 160, 3), 90, np.uint8)) == ([1, 1, 1], [])


@pytest.mark.thorough
def test_a_turned_face_is_found_by_mmod_only(stages, lfw: Path):
    files = sorted(lfw.glob("*/*.jpg"))[:SEARCHED]
    pictures = (cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB) for file in files)
    missed = (picture for picture in pictures if not stages[0].detect(picture) and not stages[1].detect(picture))
    picture = next(missed, None)
    if picture is None:
        pytest.skip("HOG finds somebody in every picture of this data set")
    asked, faces = asked_of(stages, picture)
    assert asked == [1, 1, 1]
    assert len(faces) >= 1


@pytest.mark.parametrize("name", get_args(DetectorName))
def test_every_setting_of_the_detector_finds_the_face(name, astronaut_jpeg, tmp_path_factory):
    # The graphs of this folder are those that ``stages`` uses.
    settings = Settings(detector=name, data_dir=tmp_path_factory.getbasetemp())
    (image,) = make_pipeline(settings).encode([astronaut_jpeg])
    assert holds(image.faces[0].detected.box, *CENTRE)
