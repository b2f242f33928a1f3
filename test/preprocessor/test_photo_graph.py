"""One ONNX graph from a photo to encoded faces finds, aligns and encodes as the service's pipeline does."""

from collections.abc import Sequence
from dataclasses import astuple
from functools import cache
from pathlib import Path

import cv2
import dlib
import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from constants.faces import DETECTION_SIDE
from constants.settings import Settings
from preprocessor.alignment import Aligner
from preprocessor.dlib_files.shape_predictor_format import read_shape_predictor
from preprocessor.dlib_files.weights import LANDMARKS_5, weights_path
from preprocessor.face_pipeline import FacePipeline, make_pipeline
from preprocessor.graphs.chip_graph import add_chip
from preprocessor.graphs.expression import Expression
from preprocessor.graphs.landmarks_graph import add_landmarks
from preprocessor.graphs.onnx_session import make_session
from preprocessor.graphs.photo_detector_graph import reduced, working_sides
from preprocessor.graphs.photo_graph import photo_graph
from preprocessor.graphs.pyramid_graph import add_layout, add_painting, add_way_back
from preprocessor.quality import UNFIT, unfit_to_judge
from preprocessor.tiled_pyramid import tiled_pyramid
from preprocessor.types import Box, DetectedFace, EncodedImage
from test.preprocessor.graph_parts import part

#: Pictures that the graph and the pipeline are compared on.
PICTURES = 40
#: Pixels of the picture that the detector sees, pixels of the photo, and Euclidean distance: at the most; and the
#: difference of a quality, of which the side is in pixels, too.
BOX, LANDMARK, ENCODING, QUALITY = 0.01, 0.01, 0.005, 0.02


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def model() -> bytes:
    return photo_graph(2)


@pytest.fixture(scope="module")
def graph(model, data_dir) -> onnxruntime.InferenceSession:
    (data_dir / "photo.onnx").write_bytes(model)
    return make_session(data_dir / "photo.onnx")


@pytest.fixture(scope="module")
def pipeline(data_dir) -> FacePipeline:
    return make_pipeline(Settings(data_dir=data_dir, detector="every"))


@pytest.fixture(scope="module")
def portraits(portrait_files) -> list[np.ndarray]:
    return [np.asarray(Image.open(file).convert("RGB")) for file in portrait_files(PICTURES)]


def tiled(pictures: Sequence[np.ndarray], columns: int, side: int) -> np.ndarray:
    """Pictures in rows, each a square of ``side`` pixels."""
    squares = [cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA) for picture in pictures]
    rows = [np.hstack(squares[start : start + columns]) for start in range(0, len(squares), columns)]
    return np.vstack(rows)


def bmp(pixels: np.ndarray, path: Path) -> bytes:
    """A file's bytes without loss: both sides see the same pixels."""
    Image.fromarray(pixels).save(path, "BMP")
    return path.read_bytes()


def compare(graph, pipeline, pixels: np.ndarray, folder: Path) -> int:
    """Faces found, once it is sure that both sides found the same."""
    (image,) = pipeline.encode([bmp(pixels, folder / "photo.bmp")])
    assert isinstance(image, EncodedImage)
    boxes, scores, landmarks, qualities, unfit, encodings = graph.run(None, {"photo": pixels})
    faces = sorted(image.faces, key=lambda face: -face.detected.score)
    seen = [face.quality for face in faces]
    assert np.abs(qualities - np.array([astuple(quality) for quality in seen]).reshape(-1, 5)).max(initial=0) <= QUALITY
    reasons = [UNFIT[place] if place >= 0 else None for place in unfit]
    assert reasons == [unfit_to_judge(quality) for quality in seen]
    assert len(boxes) == len(faces)
    scale = min(1, DETECTION_SIDE / max(pixels.shape))
    for face, box, score, points, encoding in zip(faces, boxes, scores, landmarks, encodings, strict=True):
        expected = face.detected.box.within(image.width, image.height)
        sides = (expected.left, expected.top, expected.right, expected.bottom)
        assert np.abs(box - sides).max() * scale <= BOX
        assert abs(score - face.detected.score) <= 1e-4
        assert np.abs(points - face.landmarks).max() <= LANDMARK
        assert np.linalg.norm(encoding - face.encoding) <= ENCODING
    return len(boxes)


def test_portraits(graph, pipeline, portraits, tmp_path):
    assert sum(compare(graph, pipeline, pixels, tmp_path) for pixels in portraits) >= PICTURES


@pytest.mark.parametrize(("columns", "side"), [(4, 220), (3, 250), (5, 300), (2, 800)])
def test_groups(graph, pipeline, portraits, tmp_path, columns, side):
    faces = compare(graph, pipeline, tiled(portraits[: 2 * columns], columns, side), tmp_path)
    assert faces >= columns


def test_a_large_portrait(graph, pipeline, astronaut, tmp_path):
    """Reduced for the detector, and cut out of a picture halved twice."""
    large = cv2.resize(astronaut, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
    assert compare(graph, pipeline, large, tmp_path) == 1


@pytest.mark.parametrize("share", [0.41, 0.56])
def test_a_small_face(graph, pipeline, astronaut, tmp_path, share):
    """Too small for the larger cells, which find nothing here."""
    small = cv2.resize(astronaut[:320], None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    assert compare(graph, pipeline, small, tmp_path) == 1


def test_boxes_end_at_the_photos_edge(graph, pipeline, astronaut, tmp_path):
    pixels = astronaut[70:230, 190:320].copy()
    (image,) = pipeline.encode([bmp(pixels, tmp_path / "photo.bmp")])
    assert image.faces[0].detected.box.left < 0
    assert compare(graph, pipeline, pixels, tmp_path) == 1
    assert graph.run(["boxes"], {"photo": pixels})[0].min() == 0


@pytest.mark.parametrize("views", [1, 6])
def test_other_views(views, portraits, data_dir, tmp_path):
    pipeline = make_pipeline(Settings(data_dir=data_dir, detector="every", views=views))
    assert compare(make_session(photo_graph(views)), pipeline, portraits[0], tmp_path) >= 1


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (7, 9), (6, 300), (300, 6), (2500, 40), (32, 32), (90, 120)])
def test_a_photo_of_nobody_has_no_faces(graph, shape):
    results = graph.run(None, {"photo": np.full((*shape, 3), 127, np.uint8)})
    assert [result.shape for result in results] == [(0, 4), (0,), (0, 5, 2), (0, 5), (0,), (0, 128)]


def test_standard_operators_and_size(model):
    parsed = onnx.load_from_string(model)
    assert [(entry.domain, entry.version) for entry in parsed.opset_import] == [("", 17)]
    assert len(model) < 34_000_000


def test_the_same_weights_give_the_same_file(model):
    assert photo_graph(2) == model


# Its parts ---------------------------------------------------------------------------------------


#: Pixels; least sides of the picture that the tiles stand in.
LEAST = 29


@pytest.fixture(scope="module")
def layout() -> onnxruntime.InferenceSession:
    return part(lambda sides: add_layout(sides, LEAST), sides=np.int64)


@given(st.integers(1, 1200), st.integers(1, 1200))
def test_the_layout_is_the_tiled_pyramids(layout, rows, columns):
    tiles, _, sides = layout.run(None, {"sides": np.array((rows, columns))})
    pyramid = tiled_pyramid(rows, columns)
    assert tiles.tolist() == [list(tile) for tile in pyramid.tiles]
    assert sides.tolist() == [max(pyramid.rows, LEAST), max(pyramid.columns, LEAST)]


@pytest.fixture(scope="module")
def painting() -> onnxruntime.InferenceSession:
    return part(lambda planes: [add_painting(planes, add_layout(planes.shape(2), LEAST))], planes=np.float32)


@settings(max_examples=15)
@given(st.integers(1, 300), st.integers(1, 300))
def test_the_painted_picture_is_the_tiled_pyramids(painting, rows, columns):
    planes = np.random.default_rng(rows).random((3, rows, columns), np.float32)
    (large,) = painting.run(None, {"planes": planes[None]})
    pyramid = tiled_pyramid(rows, columns)
    resize = lambda planes, *sides: np.stack([dlib.resize_image(plane, *sides) for plane in planes])  # noqa: E731
    expected = pyramid.paint(planes, resize, (0, 0, 0))
    assert np.abs(large[0, :, : pyramid.rows, : pyramid.columns] - expected).max() <= 1e-3
    assert np.abs(large[0]).sum() == pytest.approx(np.abs(expected).sum(), rel=1e-4)


@given(st.integers(20, 1200), st.integers(20, 1200), st.integers(0, 2**32 - 1))
def test_the_way_back_is_the_tiled_pyramids(way_back, rows, columns, seed):
    pyramid = tiled_pyramid(rows, columns)
    centres = np.random.default_rng(seed).integers(0, (pyramid.columns, pyramid.rows), (50, 2)).astype(np.float64)
    (corners,) = way_back.run(None, {"centres": centres, "tiles": np.array(pyramid.tiles)})
    assert np.array_equal(corners, pyramid.to_picture(centres, (80, 80)))


@pytest.fixture(scope="module")
def way_back() -> onnxruntime.InferenceSession:
    return part(lambda centres, tiles: [add_way_back(centres, tiles, (80, 80))], centres=np.float64, tiles=np.int64)


@pytest.fixture(scope="module")
def reduction() -> onnxruntime.InferenceSession:
    return part(lambda photo: [reduced(photo, working_sides(photo.shape(0, 2)))], photo=np.uint8)


@settings(max_examples=10)
@given(st.integers(20, 2600), st.integers(20, 2600))
def test_a_large_photo_is_reduced_as_by_opencv(reduction, rows, columns):
    photo = np.random.default_rng(rows).integers(0, 256, (rows, columns, 3), np.uint8)
    (working,) = reduction.run(None, {"photo": photo})
    scale = min(1, DETECTION_SIDE / max(rows, columns))
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    expected = cv2.resize(photo, size, interpolation=cv2.INTER_AREA) if scale < 1 else photo
    assert working.shape == expected.shape
    assert np.abs(working - expected).max() <= 1  # where a mean lies between two grey levels
    assert (working != expected).mean() <= 1e-3


@pytest.fixture(scope="module")
def alignment() -> onnxruntime.InferenceSession:
    predictor = read_shape_predictor(weights_path(LANDMARKS_5))

    def build(photo: Expression, box: Expression) -> list[Expression]:
        landmarks = add_landmarks(photo, box, predictor)
        return [landmarks, add_chip(photo, landmarks)]

    return part(build, photo=np.uint8, box=np.float64)


@cache
def aligner() -> Aligner:
    return Aligner()


@settings(max_examples=60)
@given(st.floats(0.2, 8), st.floats(-80, 80), st.floats(-80, 80), st.floats(0.4, 1.6))
def test_landmarks_and_chip_are_dlibs(alignment, astronaut, scale, right, down, size):
    """For faces of every size, and boxes that lie wrong or reach beyond the photo's edge."""
    photo = cv2.resize(astronaut[:250, 120:330], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    middle, half = np.array((105 + right, 125 + down)) * scale, 55 * size * scale
    box = np.concatenate([middle - half, middle + half])
    landmarks, chip = alignment.run(None, {"photo": photo, "box": box})
    aligned = aligner().align(photo, DetectedFace(Box(*box.tolist()), 1.0))
    assert np.array_equal(landmarks, aligned.landmarks)
    difference = np.abs(chip.astype(int) - aligned.chip)
    # A value right at the edge of the photo, or of a grey level, may fall to either side.
    assert (difference > 1).mean() <= 1e-3
    assert (difference > 0).mean() <= 0.02
