"""Faces of pictures: MMOD and HOG by ONNX Runtime against dlib's own, one thread each."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import cv2
import dlib
import numpy as np

from bench.harness import arguments, first_pictures, progress, report, speedup, timed
from preprocessor.decoding import Photo
from preprocessor.detector import Detector
from preprocessor.dlib_files.weights import MMOD_DETECTOR, weights_path
from preprocessor.hog_detector import HogDetector
from preprocessor.hog_graph_detector import HogGraphDetector
from preprocessor.mmod_detector import MmodDetector
from preprocessor.types import Box, DetectedFace, Pixels

#: Pictures of 250x250 pixels, and of 640x480; a short run takes fewer.
SMALL, QUICK_SMALL = 60, 8
LARGE, QUICK_LARGE = 12, 2
#: Columns and rows of people in a large picture.
GRID = (3, 2)
#: How often each HOG detector sees a picture, the two in turn; the time of each is the median.
HOG_REPEATS = 5
#: What makes two findings the same face: the overlap of their boxes, and how far their confidences differ.
SAME_IOU, SAME_CONFIDENCE = 0.8, 0.02


def main() -> None:
    options = arguments(__doc__)
    small, large = (QUICK_SMALL, QUICK_LARGE) if options.quick else (SMALL, LARGE)
    columns, rows = GRID
    files = first_pictures(options.dataset, max(small, large * columns * rows))
    people = [Photo(file.read_bytes()).within(250) for file in progress(files, "reading")]
    sides = {
        "250": [_resized(person, 250, 250) for person in people[:small]],
        "640": [_crowd(people[index * columns * rows :], 640, 480) for index in range(large)],
    }
    reference = dlib.cnn_face_detection_model_v1(str(weights_path(MMOD_DETECTOR)))
    same, figures = [], {}
    with tempfile.TemporaryDirectory() as folder:
        detector = MmodDetector(Path(folder))
        for name, pictures in sides.items():
            detector.detect(pictures[0])
            theirs, ours = [], []
            for picture in progress(pictures, f"detecting, {name} pixels"):
                seconds, expected = timed(_faces_by_dlib, reference, picture)
                theirs.append(seconds)
                seconds, found = timed(detector.detect, picture)
                ours.append(seconds)
                same += _same(expected, found)
            figures[f"speedup_vs_dlib_{name}"] = speedup(theirs, ours)
        figures["same_faces"] = float(np.mean(same))
        same_hog: list[bool] = []
        for upsample in (0, 1):
            pair = HogDetector(upsample), HogGraphDetector(Path(folder), upsample)
            for name, pictures in sides.items():
                figure = f"speedup_hog_{name}" + ("_doubled" if upsample else "")
                figures[figure], found_same = _compared(*pair, progress(pictures, f"HOG x{2**upsample}, {name} pixels"))
                same_hog += found_same
        figures["same_faces_hog"] = float(np.mean(same_hog))
    samples = {"pictures_250": small, "pictures_640": large, "faces": len(same), "faces_hog": len(same_hog)}
    report("detect", figures, samples)


def _compared(reference: Detector, detector: Detector, pictures: Iterable[Pixels]) -> tuple[float, list[bool]]:
    """How many times as fast a detector is as another, and of every face whether both found it."""
    theirs, ours, same = [], [], []
    for picture in pictures:
        same += _same(reference.detect(picture), detector.detect(picture))
        pairs = [(timed(reference.detect, picture)[0], timed(detector.detect, picture)[0]) for _ in range(HOG_REPEATS)]
        medians = np.median(pairs, axis=0)
        theirs.append(float(medians[0]))
        ours.append(float(medians[1]))
    return speedup(theirs, ours), same


def _resized(picture: Pixels, width: int, height: int) -> Pixels:
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _crowd(people: list[Pixels], width: int, height: int) -> Pixels:
    """A picture of several people, each cut out of the middle of a picture, in rows."""
    columns, rows = GRID
    left = np.linspace(0, width, columns + 1).round().astype(int)
    top = np.linspace(0, height, rows + 1).round().astype(int)
    crowd = np.empty((height, width, 3), np.uint8)
    for index, person in enumerate(people[: columns * rows]):
        row, column = divmod(index, columns)
        target = crowd[top[row] : top[row + 1], left[column] : left[column + 1]]
        target[:] = _resized(person[25:-25, 36:-36], target.shape[1], target.shape[0])
    return crowd


def _faces_by_dlib(reference: dlib.cnn_face_detection_model_v1, picture: Pixels) -> list[DetectedFace]:
    return [
        DetectedFace(Box(d.rect.left(), d.rect.top(), d.rect.right() + 1, d.rect.bottom() + 1), d.confidence)
        for d in reference(picture, 0)
    ]


def _same(expected: list[DetectedFace], found: list[DetectedFace]) -> list[bool]:
    """For every face that either side found, whether the other has it too."""
    pairs = [any(_is_same(face, other) for other in found) for face in expected]
    return pairs + [False for other in found if not any(_is_same(face, other) for face in expected)]


def _is_same(first: DetectedFace, second: DetectedFace) -> bool:
    a, b = first.box, second.box
    inner = Box(max(a.left, b.left), max(a.top, b.top), min(a.right, b.right), min(a.bottom, b.bottom))
    common = max(inner.width, 0) * max(inner.height, 0)
    overlap = common / (a.area + b.area - common)
    return overlap >= SAME_IOU and abs(first.score - second.score) <= SAME_CONFIDENCE


if __name__ == "__main__":
    main()
