"""Boxes keep their meaning when they are scaled, and chips are upright, whichever way the head leans."""

from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constants.faces import CHIP_PADDING, CHIP_SIDE
from preprocessor.alignment import Aligner
from preprocessor.hog_detector import HogDetector
from preprocessor.onnx_encoder import OnnxEncoder
from preprocessor.types import AlignedFace, Box, DetectedFace

#: Pixels of a chip that the heights of its eyes may differ by; landmarks are whole pixels.
LEVEL = 2.0
#: Cosine of the encodings of an upright and of a turned portrait, at the least.
SAME_FACE = 0.97

_numbers = st.floats(-1e5, 1e5)
boxes = st.builds(Box, _numbers, _numbers, _numbers, _numbers)
factors = st.floats(1e-3, 1e3)


def corners(box: Box) -> tuple[float, ...]:
    return box.left, box.top, box.right, box.bottom


@given(boxes, factors, factors)
def test_a_box_scaled_there_and_back_is_the_same(box, x, y):
    assert corners(box.scaled(x, y).scaled(1 / x, 1 / y)) == pytest.approx(corners(box), rel=1e-9, abs=1e-9)


@given(boxes, factors, factors)
def test_sides_and_area_grow_with_the_scale(box, x, y):
    scaled = box.scaled(x, y)
    assert scaled.width == pytest.approx(box.width * x, rel=1e-9, abs=1e-6)
    assert scaled.height == pytest.approx(box.height * y, rel=1e-9, abs=1e-6)
    assert (scaled.width, scaled.height) == pytest.approx(
        (scaled.right - scaled.left, scaled.bottom - scaled.top), abs=0
    )


@given(boxes)
def test_an_area_is_never_negative(box):
    assert box.area >= 0
    assert (box.area > 0) <= (box.width > 0 and box.height > 0)


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_probability_rises_with_the_score(first, second):
    lower, higher = (DetectedFace(Box(0, 0, 1, 1), score).probability for score in sorted((first, second)))
    assert 0 <= lower <= higher <= 1


@cache
def aligner() -> Aligner:
    return Aligner()


def turned(pixels: np.ndarray, degrees: float) -> np.ndarray:
    """The picture turned about the face."""
    matrix = cv2.getRotationMatrix2D((225, 130), degrees, 1.0)
    return cv2.warpAffine(pixels, matrix, pixels.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


def aligned(pixels: np.ndarray) -> AlignedFace:
    return aligner().align(pixels, HogDetector().detect(pixels)[0])


@pytest.mark.parametrize("degrees", [-20, -10, 0, 10, 20])
def test_the_eyes_of_a_chip_are_level(astronaut, degrees):
    face = aligned(turned(astronaut, degrees))
    assert face.landmarks.shape == (5, 2)
    assert face.chip.shape == (CHIP_SIDE, CHIP_SIDE, 3) and face.chip.dtype == np.uint8
    margin = CHIP_SIDE * CHIP_PADDING / (1 + 2 * CHIP_PADDING)
    box = Box(margin, margin, CHIP_SIDE - margin, CHIP_SIDE - margin)
    right, left = aligner().align(face.chip, DetectedFace(box, 1.0)).landmarks[:4].reshape(2, 2, 2).mean(axis=1)
    assert abs(right[1] - left[1]) <= LEVEL
    assert right[0] - left[0] > CHIP_SIDE / 4


def test_landmarks_lie_in_the_face_in_their_order(astronaut):
    face = aligned(astronaut)
    box, x, y = face.detected.box, *face.landmarks.T
    assert box.left < x[2] < x[3] < x[4] < x[1] < x[0] < box.right
    assert box.top < y[:4].min() and y[:4].max() < y[4] < box.bottom


def test_a_turned_portrait_has_the_encoding_of_the_upright_one(astronaut, tmp_path_factory):
    chips = np.stack([aligned(turned(astronaut, degrees)).chip for degrees in (0, -20, -10, 10, 20)])
    encodings = OnnxEncoder(tmp_path_factory.getbasetemp() / "graphs").encode(chips)
    encodings /= np.linalg.norm(encodings, axis=1, keepdims=True)
    assert (encodings[1:] @ encodings[0]).min() >= SAME_FACE


def test_a_face_that_reaches_beyond_the_picture_gives_a_whole_chip(astronaut):
    face = aligner().align(astronaut[90:, 190:].copy(), DetectedFace(Box(-20, -20, 90, 90), 1.0))
    assert face.chip.shape == (CHIP_SIDE, CHIP_SIDE, 3)
