"""Faces of pictures: MMOD and HOG by ONNX Runtime against dlib's own, one thread each.

And how many faces of which sizes the service finds in group photos, and how many that are none.
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import cv2
import dlib
import numpy as np

from bench.collages import Collage, collages
from bench.harness import arguments, first_pictures, progress, report, speedup, timed, worked
from constants.settings import Settings
from preprocessor.decoding import Photo
from preprocessor.detector import Detector
from preprocessor.dlib_files.weights import MMOD_DETECTOR, weights_path
from preprocessor.every_face_detector import EveryFaceDetector
from preprocessor.face_pipeline import make_detectors
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
#: Collages, faces in each at most, and pixels of their sides; a short run takes fewer collages.
COLLAGES, QUICK_COLLAGES = 40, 3
COLLAGE_FACES, COLLAGE_SIDES = 12, (20, 200)
#: Pixels; sides from which on faces are to be found, and from which on they are reported as well.
FOUND_FROM, SMALL_FROM = 40, 30
#: A finding is a face's when their middles are no further apart than this share of the face's side, and their sides
#: no further than by this factor.
SAME_MIDDLE, SAME_SIDE = 0.5, 2.0
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
        large_faces, small_faces = HogGraphDetector(Path(folder)), HogGraphDetector(Path(folder), small=True)
        both = EveryFaceDetector((large_faces, small_faces), HogGraphDetector(Path(folder)))
        same_hog: list[bool] = []
        for name, pictures in sides.items():
            figures[f"speedup_hog_{name}"], found_same = _compared(
                HogDetector(), large_faces, progress(pictures, f"HOG, {name} pixels")
            )
            same_hog += found_same
            # dlib finds faces of 40 pixels and more in the doubled picture; here two passes find them.
            figures[f"speedup_hog_{name}_doubled"], _ = _compared(
                HogDetector(upsample=1), both, progress(pictures, f"HOG for small faces, {name} pixels")
            )
        figures["same_faces_hog"] = float(np.mean(same_hog))
        rng = np.random.default_rng(0)
        groups = collages(people, QUICK_COLLAGES if options.quick else COLLAGES, COLLAGE_FACES, COLLAGE_SIDES, rng)
        every = make_detectors(Settings(data_dir=Path(folder), detector="every")).every
        figures |= _found(every, progress(groups, "group photos"))
    samples = {"pictures_250": small, "pictures_640": large, "faces": len(same), "faces_hog": len(same_hog)}
    samples |= {"collages": len(groups), "faces_collages": sum(len(group.faces) for group in groups)}
    report("detect", figures, samples)


def _compared(reference: Detector, detector: Detector, pictures: Iterable[Pixels]) -> tuple[float, list[bool]]:
    """How many times as fast a detector is as another, in processor time, and of every face whether both found it."""
    theirs, ours, same = [], [], []
    for picture in pictures:
        same += _same(reference.detect(picture), detector.detect(picture))
        pairs = [
            (worked(reference.detect, picture)[0], worked(detector.detect, picture)[0]) for _ in range(HOG_REPEATS)
        ]
        medians = np.median(pairs, axis=0)
        theirs.append(float(medians[0]))
        ours.append(float(medians[1]))
    return speedup(theirs, ours), same


def _found(detector: Detector, groups: Iterable[Collage]) -> dict[str, float]:
    """Shares of the faces found by their sizes, and how many findings in 200 pictures are no face."""
    sides: list[float] = []
    hits: list[bool] = []
    false = []
    for group in groups:
        findings = detector.detect(group.picture)
        shown = np.array([[_shows(finding.box, face) for face in group.faces] for finding in findings], bool)
        shown = shown.reshape(len(findings), len(group.faces))
        sides += [face.width for face in group.faces]
        hits += [bool(column.any()) for column in shown.T]
        false.append(sum(not row.any() for row in shown))
    large, found = np.array(sides) >= FOUND_FROM, np.array(hits)
    small = ~large & (np.array(sides) >= SMALL_FROM)
    chosen = {"faces_found_small": large, "faces_found_30_to_40": small}
    shares = {name: float(found[some].mean()) for name, some in chosen.items() if some.any()}
    return shares | {"false_faces_per_200": 200 * float(np.mean(false))}


def _shows(found: Box, face: Box) -> bool:
    x = abs(found.left + found.right - face.left - face.right) / 2
    y = abs(found.top + found.bottom - face.top - face.bottom) / 2
    near = max(x, y) <= SAME_MIDDLE * face.width
    return near and 1 / SAME_SIDE <= found.width / face.width <= SAME_SIDE


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
