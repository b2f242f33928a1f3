"""The fast detector finds the faces that dlib's own finds, with the same boxes and confidences."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import dlib
import numpy as np
import onnxruntime
import pytest

from preprocessor import mmod_detector
from preprocessor.dlib_files.weights import MMOD_DETECTOR, weights_path
from preprocessor.graphs.mmod_graph import resize_graph
from preprocessor.mmod_detector import MmodDetector
from preprocessor.tiled_pyramid import tiled_pyramid
from preprocessor.types import Box, DetectedFace, Pixels

#: Pictures compared without and with one upsampling; half of them also go into grids of several faces.
PICTURES = 100
#: Overlap from which two boxes are the same face, and the share of faces that must have it.
SAME_IOU, SAME_SHARE = 0.8, 0.99
#: Largest difference of a confidence.
CONFIDENCE = 0.02


@pytest.fixture(scope="module")
def graphs(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture(scope="module")
def reference():
    return dlib.cnn_face_detection_model_v1(str(weights_path(MMOD_DETECTOR)))


@pytest.fixture(scope="module")
def faces(portrait_files) -> list[Pixels]:
    """Pictures of 250 pixels with a face of about 100 in their middle."""
    files = portrait_files(PICTURES)
    return [cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB) for file in files]


def cropped(pictures: Sequence[Pixels], side: int) -> Iterator[Pixels]:
    """The middle of each picture, from ``side`` pixels on, in ever other proportions."""
    for index, picture in enumerate(pictures):
        rows, columns = side + 7 * (index % 5), side + 11 * (index % 4)
        top, left = (250 - rows) // 2, (250 - columns) // 2
        yield np.ascontiguousarray(picture[top : top + rows, left : left + columns])


def shrunk(pictures: Sequence[Pixels], side: int) -> Iterator[Pixels]:
    for picture in cropped(pictures, 150):
        size = (side * picture.shape[1] // 150, side * picture.shape[0] // 150)
        yield cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def grids(pictures: Sequence[Pixels], side: int) -> Iterator[Pixels]:
    """Pictures of six faces of different people."""
    tiles = [cv2.resize(picture[40:210, 40:210], (side, side), interpolation=cv2.INTER_AREA) for picture in pictures]
    for start in range(0, len(tiles) - 5, 6):
        yield np.vstack([np.hstack(tiles[start : start + 3]), np.hstack(tiles[start + 3 : start + 6])])


def found_by_dlib(reference, picture: Pixels, upsample: int) -> list[DetectedFace]:
    return [
        DetectedFace(Box(d.rect.left(), d.rect.top(), d.rect.right() + 1, d.rect.bottom() + 1), d.confidence)
        for d in reference(picture, upsample)
    ]


def iou(a: Box, b: Box) -> float:
    inner = Box(max(a.left, b.left), max(a.top, b.top), min(a.right, b.right), min(a.bottom, b.bottom))
    area = max(inner.width, 0) * max(inner.height, 0)
    return area / (a.area + b.area - area)


def assert_same(detector: MmodDetector, reference, pictures: Sequence[Pixels], upsample: int) -> None:
    same = total = 0
    for picture in pictures:
        expected, found = found_by_dlib(reference, picture, upsample), detector.detect(picture)
        assert len(found) == len(expected)
        for face in expected:
            match = max(found, key=lambda other: iou(face.box, other.box))
            assert abs(match.score - face.score) <= CONFIDENCE
            same += iou(face.box, match.box) >= SAME_IOU
            total += 1
    assert total >= 0.9 * len(pictures)
    assert same >= SAME_SHARE * total


@pytest.mark.thorough
def test_same_faces(graphs, reference, faces):
    pictures = [*cropped(faces, 130), *grids(faces[:24], 160)]
    assert len(pictures) >= PICTURES
    assert_same(MmodDetector(graphs), reference, pictures, 0)


@pytest.mark.thorough
def test_same_faces_upsampled(graphs, reference, faces):
    pictures = [*shrunk(faces, 80), *grids(faces[:24], 80)]
    assert len(pictures) >= PICTURES
    assert_same(MmodDetector(graphs, upsample=1), reference, pictures, 1)


@pytest.mark.parametrize("upsample", [0, 1, 2])
def test_same_faces_of_the_astronaut(graphs, reference, astronaut, upsample):
    pixels = cv2.resize(astronaut, None, fx=0.75 / 2**upsample, fy=0.7 / 2**upsample, interpolation=cv2.INTER_AREA)
    assert_same(MmodDetector(graphs, upsample), reference, [pixels], upsample)


def test_bands_give_the_faces_of_the_whole(graphs, astronaut, monkeypatch):
    whole = MmodDetector(graphs).detect(astronaut)
    monkeypatch.setattr(mmod_detector, "BAND_PIXELS", 40_000)
    banded = MmodDetector(graphs).detect(astronaut)
    assert [face.box for face in banded] == [face.box for face in whole] != []
    assert [face.score for face in banded] == pytest.approx([face.score for face in whole], abs=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (3, 40), (40, 3), (12, 300), (300, 12)])
def test_pictures_too_small_for_a_face_have_none(graphs, shape):
    assert MmodDetector(graphs).detect(np.full((*shape, 3), 127, np.uint8)) == []


@pytest.mark.parametrize(
    "pixels", [np.zeros((50, 50), np.uint8), np.zeros((50, 50, 4), np.uint8), np.zeros((50, 50, 3))]
)
def test_other_arrays_are_refused(graphs, pixels):
    with pytest.raises(ValueError, match="expected RGB pixels"):
        MmodDetector(graphs).detect(pixels)


def test_a_negative_upsampling_is_refused(graphs):
    with pytest.raises(ValueError, match="upsample"):
        MmodDetector(graphs, upsample=-1)


@pytest.mark.parametrize(("before", "after"), [((250, 250), (208, 208)), ((33, 127), (67, 256)), ((7, 9), (5, 1))])
def test_resizing_is_dlibs(before, after):
    planes = np.random.default_rng(0).random((1, 3, *before), np.float32)
    session = onnxruntime.InferenceSession(resize_graph(), providers=["CPUExecutionProvider"])
    (resized,) = session.run(["resized"], {"planes": planes, "sides": np.array((1, 3, *after), np.int64)})
    for found, plane in zip(resized[0], planes[0], strict=True):
        assert np.allclose(found, dlib.resize_image(plane, *after), atol=1e-3)


@pytest.mark.parametrize("sides", [(250, 250), (480, 640), (640, 480), (31, 900), (900, 31), (5, 5)])
def test_tiles_lie_within_the_large_picture_and_apart(sides):
    pyramid = tiled_pyramid(*sides)
    covered = np.zeros((pyramid.rows, pyramid.columns), int)
    for left, top, columns, rows in pyramid.tiles:
        covered[top : top + rows, left : left + columns] += 1
    assert covered.sum() == sum(tile.rows * tile.columns for tile in pyramid.tiles)
    assert (pyramid.tiles[0].rows, pyramid.tiles[0].columns) == sides


def test_the_windows_of_the_largest_tile_are_the_pictures_own():
    pyramid = tiled_pyramid(250, 300)
    centre = np.array([[11 + 100.0, 11 + 60.0]])
    assert pyramid.to_picture(centre, (81, 41)).tolist() == [[60, 40, 140, 80]]
