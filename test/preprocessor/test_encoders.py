"""What every encoder keeps to, and that the fast one gives the reference's encodings."""

from functools import cache

import cv2
import numpy as np
import pytest

from preprocessor.alignment import Aligner
from preprocessor.dlib_encoder import DlibEncoder
from preprocessor.onnx_encoder import BATCH, OnnxEncoder
from preprocessor.types import Box, DetectedFace

#: Chips from the data set that the two encoders are compared on.
CHIPS = 200
#: Largest difference of any of the 128 numbers; float32 sums in another order differ by some 4e-7.
TOLERANCE = 1e-5
#: Where the face stands in a picture of the data set, and in the astronaut's.
LFW_FACE, ASTRONAUT_FACE = Box(72, 72, 178, 178), Box(170, 70, 280, 180)


@cache
def aligner() -> Aligner:
    return Aligner()


def chip(pixels: np.ndarray, box: Box) -> np.ndarray:
    return aligner().align(pixels, DetectedFace(box, 1.0)).chip


@pytest.fixture(scope="module")
def onnx_encoder(tmp_path_factory) -> OnnxEncoder:
    return OnnxEncoder(tmp_path_factory.mktemp("graphs"))


@pytest.fixture(scope="module")
def dlib_encoder() -> DlibEncoder:
    return DlibEncoder()


@pytest.fixture(scope="module", params=["onnx", "dlib"])
def encoder(request):
    return request.getfixturevalue(f"{request.param}_encoder")


@pytest.fixture(scope="module")
def astronaut_chip(astronaut) -> np.ndarray:
    return chip(astronaut, ASTRONAUT_FACE)


@pytest.fixture(scope="module")
def portrait_chips(portrait_files) -> np.ndarray:
    files = portrait_files(CHIPS)
    return np.stack([chip(cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB), LFW_FACE) for file in files])


def test_shape_type_and_length(encoder, astronaut_chip):
    encodings = encoder.encode(np.stack([astronaut_chip, astronaut_chip[:, ::-1]]))
    assert encodings.shape == (2, 128) and encodings.dtype == np.float32
    # dlib trained distances of 0.6 between people: lengths are about 1.4.
    assert 1.0 < np.linalg.norm(encodings[0]) < 2.0
    assert 0.0 < np.linalg.norm(encodings[0] - encodings[1]) < 0.6


def test_no_chips_give_no_encodings(encoder):
    assert encoder.encode(np.empty((0, 150, 150, 3), np.uint8)).shape == (0, 128)


@pytest.mark.parametrize(
    ("shape", "dtype"), [((1, 149, 150, 3), np.uint8), ((150, 150, 3), np.uint8), ((1, 150, 150, 3), float)]
)
def test_other_arrays_are_refused(encoder, shape, dtype):
    with pytest.raises(ValueError, match="expected chips"):
        encoder.encode(np.zeros(shape, dtype))


def test_a_chip_does_not_depend_on_its_neighbours(encoder, astronaut_chip):
    chips = np.stack([astronaut_chip, 255 - astronaut_chip, astronaut_chip])
    assert np.allclose(encoder.encode(chips)[2], encoder.encode(chips[:1])[0], atol=1e-6)


def test_onnx_gives_the_reference_encoding(onnx_encoder, dlib_encoder, astronaut_chip):
    chips = astronaut_chip[None]
    assert np.abs(onnx_encoder.encode(chips) - dlib_encoder.encode(chips)).max() <= TOLERANCE


def test_batches_are_those_of_single_chips(onnx_encoder, astronaut_chip):
    chips = np.stack([np.roll(astronaut_chip, shift, axis=1) for shift in range(2 * BATCH + 1)])
    single = np.concatenate([onnx_encoder.encode(one[None]) for one in chips])
    assert np.allclose(onnx_encoder.encode(chips), single, atol=1e-6)


@pytest.mark.thorough
def test_onnx_gives_the_reference_encodings_of_many_faces(onnx_encoder, dlib_encoder, portrait_chips):
    assert len(portrait_chips) == CHIPS
    assert np.abs(onnx_encoder.encode(portrait_chips) - dlib_encoder.encode(portrait_chips)).max() <= TOLERANCE
