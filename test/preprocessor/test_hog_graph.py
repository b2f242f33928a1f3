"""The graph of dlib's frontal face detector finds what dlib finds, with the same boxes and scores."""

from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest

from constants.exceptions import WeightsError
from preprocessor.dlib_files.fhog_format import FEATURES, frontal_face_detector, read_fhog_detector
from preprocessor.graphs import hog_proposals_graph
from preprocessor.graphs.gradient_tables import UNIT_VECTORS, gradient_tables
from preprocessor.graphs.hog_pyramid_graph import add_resized
from preprocessor.hog_detector import HogDetector
from preprocessor.hog_graph_detector import HogGraphDetector
from preprocessor.types import DetectedFace, Pixels
from test.preprocessor.graph_parts import part

#: Pictures of the data set, and groups of six of them, that are compared.
PICTURES, GROUPS = 100, 10
#: Pixels that a box may differ by, and how far scores do: where nothing is resized there is only float32's error.
#: Elsewhere a pixel in 100,000 is rounded to the other side.
BOX, EXACT, SCORE = 1, 1e-4, 1e-3


@pytest.fixture(scope="module")
def pair(graphs) -> tuple[HogDetector, HogGraphDetector]:
    """dlib's detector and the graph's."""
    return HogDetector(), HogGraphDetector(graphs)


def differences(expected: list[DetectedFace], found: list[DetectedFace]) -> list[float]:
    """How far the scores of two sides' faces differ, which must be the same ones."""
    assert len(found) == len(expected)
    scores = []
    for face in expected:
        nearest = min(found, key=lambda other: corner_difference(face, other))
        assert corner_difference(face, nearest) <= BOX
        scores.append(abs(face.score - nearest.score))
    return scores


def corner_difference(first: DetectedFace, second: DetectedFace) -> float:
    a, b = first.box, second.box
    return max(abs(a.left - b.left), abs(a.top - b.top), abs(a.right - b.right), abs(a.bottom - b.bottom))


def resized(picture: Pixels, width: int, height: int) -> Pixels:
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def read(file: Path) -> Pixels:
    return np.asarray(cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB))


def group(pictures: list[Pixels]) -> Pixels:
    """Six people in two rows."""
    tiles = [resized(picture[20:230, 20:230], 213, 240) for picture in pictures]
    return np.vstack([np.hstack(tiles[:3]), np.hstack(tiles[3:6])])


@pytest.mark.parametrize("side", [512, 409, 333, 301, 256, 100, 81])
def test_the_astronaut(pair, astronaut, side):
    reference, detector = pair
    picture = resized(astronaut, side, side - 10)
    assert all(difference <= SCORE for difference in differences(reference.detect(picture), detector.detect(picture)))


def test_the_astronaut_is_found(pair, astronaut):
    assert pair[1].detect(astronaut)


def test_people(pair, portrait_files):
    reference, detector = pair
    scores = []
    for picture in map(read, portrait_files(12)):
        scores += differences(reference.detect(picture), detector.detect(picture))
    assert len(scores) >= 8
    assert max(scores) <= SCORE


def test_faces_of_the_first_scale_have_the_same_scores(graphs, astronaut):
    # A face of just 80 pixels, which is found before anything is resized.
    picture = resized(astronaut[30:240, 120:330], 155, 155)
    expected, found = HogDetector().detect(picture), HogGraphDetector(graphs).detect(picture)
    assert expected
    assert expected[0].box.width <= 82
    assert max(differences(expected, found)) <= EXACT


@pytest.mark.parametrize("shape", [(1, 1), (19, 300), (300, 19), (20, 20), (20, 90), (63, 64), (83, 77)])
def test_small_pictures(pair, shape):
    reference, detector = pair
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert len(detector.detect(picture)) == len(reference.detect(picture))


@pytest.mark.parametrize("shape", [(90, 90), (200, 131)])
def test_nobody_in_plain_pictures(pair, shape):
    assert pair[1].detect(np.full((*shape, 3), 90, np.uint8)) == []


def test_nobody_in_noise_in_which_dlib_finds_nobody(pair):
    reference, detector = pair
    picture = np.random.default_rng(0).integers(0, 256, (300, 420, 3), np.uint8)
    assert reference.detect(picture) == detector.detect(picture) == []


def test_more_people_than_are_judged_at_once(pair, astronaut):
    reference, detector = pair
    person = resized(astronaut[30:240, 120:330], 160, 160)
    crowd = np.tile(person, (5, 6, 1))
    expected = reference.detect(crowd)
    assert len(expected) == 30
    assert max(differences(expected, detector.detect(crowd))) <= SCORE


@pytest.mark.parametrize("sides", [(20, 20), (250, 250), (120, 1200), (1200, 120), (900, 1200)])
def test_scales_lie_beside_each_other(sides):
    cells = [np.array(sides) // 4]
    while cells[-1].min() > 10:
        cells.append(cells[-1] * 5 // 6)
    session = part(lambda cells: list(hog_proposals_graph._laid_out(cells)), cells=np.int64)
    first, same, whole = session.run(None, {"cells": np.stack(cells)})
    grid = np.zeros(whole, int)
    for (row, column), (rows, columns) in zip(first, same, strict=True):
        assert row > 0
        assert column > 0
        # With a cell around each, which has what its outermost pixels give.
        grid[row - 1 : row + rows + 1, column - 1 : column + columns + 1] += 1
    assert grid.max() == 1
    assert grid.sum() == sum((rows + 2) * (columns + 2) for rows, columns in cells)


@pytest.mark.parametrize("side", [44, 52, 60])
def test_small_faces_are_found_where_dlib_finds_them_in_the_doubled_picture(graphs, astronaut, side):
    picture = resized(astronaut[30:240, 120:330], 2 * side, 2 * side)
    (expected, *_), found = (
        HogDetector(upsample=1).detect(picture),
        HogGraphDetector(graphs, small=True).detect(picture),
    )
    assert not HogDetector().detect(picture)
    # Scales are a fifth apart, and places a cell of four pixels.
    assert min(corner_difference(expected, face) for face in found) <= 0.2 * side


@pytest.mark.parametrize("shape", [(250, 250), (208, 208), (173, 119), (64, 641), (33, 70)])
def test_pictures_are_resized_as_by_dlib(shape):
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    sides = [side * 5 // 6 for side in shape]
    session = part(lambda grey, wanted: [add_resized(grey, wanted)], grey=np.float32, wanted=np.int64)
    found = session.run(["0"], {"grey": picture.astype(np.float32), "wanted": np.array(sides)})[0]
    difference = np.abs(found - dlib.resize_image(picture, *sides).astype(np.float32))
    assert difference.max() <= 1
    assert np.mean(difference > 0) < 1e-4


def test_every_gradient_has_its_length_and_goes_to_the_direction_that_dlib_takes():
    x, y = (values.ravel() for values in np.mgrid[-255:256, -255:256])
    lengths, directions = (table[x * 512 + y] for table in gradient_tables())
    assert lengths == pytest.approx(np.hypot(x, y))
    # As dlib's ``fhog.h`` says it: the first of the directions that is nearer than all before it, or its opposite.
    best, nearest = np.zeros(x.shape), np.zeros(x.shape, np.float32)
    for number, (along, up) in enumerate(UNIT_VECTORS):
        dots = x.astype(np.float32) * along + y.astype(np.float32) * up
        for opposite in (0, 1):
            nearer = (-dots if opposite else dots) > nearest
            best[nearer] = number + 9 * opposite
            nearest[nearer] = (-dots if opposite else dots)[nearer]
    assert (directions == best).all()


def test_the_published_detector():
    detector = frontal_face_detector()
    assert detector.filters.shape == (5, FEATURES, 10, 10)
    assert detector.window == (80, 80)
    assert 0 < detector.overlap.iou < detector.overlap.covered < 1
    # The second filter and the third look to opposite sides: their silhouettes mirror each other.
    strength = np.abs(detector.filters).sum(axis=1)
    assert np.corrcoef(strength[1].ravel(), strength[2][:, ::-1].ravel())[0, 1] > 0.8


@pytest.mark.parametrize("change", [lambda _: b"", lambda content: content + b"\x01\x00", lambda content: content[1:]])
def test_other_content_is_refused(tmp_path, change):
    dlib.get_frontal_face_detector().save(str(tmp_path / "detector.svm"))
    content = (tmp_path / "detector.svm").read_bytes()
    assert len(read_fhog_detector(content, "detector.svm").filters) == 5
    with pytest.raises(WeightsError, match=r"detector\.svm is not dlib's published face detector"):
        read_fhog_detector(change(content), "detector.svm")


@pytest.mark.thorough
def test_same_faces_of_many_people(pair, lfw):
    reference, detector = pair
    files = [min(person.iterdir()) for person in sorted(lfw.iterdir())]
    people = [read(file) for file in files[:: max(len(files) // PICTURES, 1)][:PICTURES]]
    pictures = [*people, *(group(people[6 * index : 6 * index + 6]) for index in range(GROUPS))]
    pairs = ((reference.detect(picture), detector.detect(picture)) for picture in pictures)
    scores = np.concatenate([differences(*faces) for faces in pairs])
    assert len(scores) >= PICTURES
    assert scores.max() <= SCORE
