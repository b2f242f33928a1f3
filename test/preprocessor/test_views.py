"""An encoding of several views: the mean over them, the same for a chip and its mirror image; and the version."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constants.detectors import DetectorName
from constants.settings import Settings
from preprocessor.alignment import Aligner
from preprocessor.encoder import Encoder
from preprocessor.onnx_encoder import OnnxEncoder
from preprocessor.types import Box, DetectedFace
from preprocessor.version import pipeline_version
from preprocessor.views import ViewsEncoder

#: Where the astronaut's face is.
FACE = Box(170, 70, 280, 180)
TOLERANCE = 1e-6


class BrightnessEncoder(Encoder):
    """Encodes a chip as the brightness of 128 places in its middle, and keeps what it was asked."""

    name = "brightness"

    def __init__(self) -> None:
        self.asked: list[np.ndarray] = []

    def _encode(self, chips):
        self.asked.append(chips)
        return chips[:, 70, 11:139].mean(axis=-1).astype(np.float32)


@pytest.fixture(scope="module")
def inner(tmp_path_factory) -> OnnxEncoder:
    return OnnxEncoder(tmp_path_factory.getbasetemp() / "graphs")


@pytest.fixture(scope="module")
def chips(astronaut) -> np.ndarray:
    chip = Aligner().align(astronaut, DetectedFace(FACE, 1.0)).chip
    return np.stack([chip, np.roll(chip, 9, axis=1), 255 - chip])


def test_one_view_is_the_inner_encoding(inner, chips):
    assert np.allclose(ViewsEncoder(inner, 1).encode(chips), inner.encode(chips), atol=TOLERANCE)


@pytest.mark.parametrize("views", [2, 6])
def test_a_mirrored_chip_has_the_same_encoding(inner, chips, views):
    encoder = ViewsEncoder(inner, views)
    assert np.abs(inner.encode(chips) - inner.encode(chips[:, :, ::-1])).max() > 0.01
    # Turned views are rounded to whole grey values, which mirrors to within one.
    allowed = TOLERANCE if views == 2 else 0.005
    assert np.abs(encoder.encode(chips) - encoder.encode(chips[:, :, ::-1])).max() <= allowed


def test_two_views_are_the_mean_of_chip_and_mirror_image(inner, chips):
    expected = (inner.encode(chips) + inner.encode(chips[:, :, ::-1])) / 2
    assert np.allclose(ViewsEncoder(inner, 2).encode(chips), expected, atol=TOLERANCE)


@pytest.mark.parametrize("views", [2, 6])
def test_further_views_are_seen_of_faces_in_doubt_alone(inner, chips, views):
    asked = []

    def in_doubt(encodings):
        asked.append(encodings.copy())
        return np.array([False, True, False])

    encodings = ViewsEncoder(inner, views).encode_in_doubt(chips, in_doubt)
    (first,) = asked
    assert np.allclose(first, inner.encode(chips), atol=TOLERANCE)
    assert np.array_equal(encodings[[0, 2]], first[[0, 2]])
    assert np.allclose(encodings[1], ViewsEncoder(inner, views).encode(chips)[1], atol=TOLERANCE)


def test_one_view_leaves_no_doubt(inner, chips):
    encoder = ViewsEncoder(inner, 1)
    assert np.array_equal(encoder.encode_in_doubt(chips, None), encoder.encode(chips))


@pytest.mark.parametrize("views", [1, 2, 6])
def test_shape_whatever_the_views(inner, chips, views):
    encoder = ViewsEncoder(inner, views)
    encodings = encoder.encode(chips)
    assert encodings.shape == (3, 128) and encodings.dtype == np.float32
    assert encoder.encode(chips[:0]).shape == (0, 128)
    # A chip's views are its own: it does not matter what else is encoded with it.
    assert np.allclose(encoder.encode(chips[1:2])[0], encodings[1], atol=TOLERANCE)


def test_six_views_are_six_pictures_of_each_chip(chips):
    inner = BrightnessEncoder()
    ViewsEncoder(inner, 6).encode(chips)
    (asked,) = inner.asked
    assert asked.shape == (18, 150, 150, 3)
    assert np.array_equal(asked[:3], chips) and np.array_equal(asked[3:6], chips[:, :, ::-1])
    assert len({view.tobytes() for view in asked[::3]}) == 6


def test_other_numbers_of_views_are_refused(inner):
    with pytest.raises(KeyError):
        ViewsEncoder(inner, 3)


choices = st.fixed_dictionaries(
    {
        "detector": st.sampled_from(get_args(DetectorName)),
        "views": st.sampled_from([1, 2, 6]),
        "encoder": st.sampled_from(["onnx", "dlib"]),
    }
)


@given(choices, choices)
def test_the_version_is_that_of_detector_and_views(first, second):
    same = (first["detector"], first["views"]) == (second["detector"], second["views"])
    assert (pipeline_version(Settings(**first)) == pipeline_version(Settings(**second))) == same
