"""Every face: the findings of several detectors together, each face once."""

from collections.abc import Sequence

from preprocessor.detector import Detector
from preprocessor.types import Box, DetectedFace, Pixels

#: Two boxes are of one face when their common area is more than this share of that of both, or of the smaller one's:
#: the first is how dlib's HOG tells its own boxes apart; the second lets a face within a face be part of it.
SAME_IOU, SAME_COVERED = 0.3, 0.5


class EveryFaceDetector(Detector):
    """The faces of the first of some detectors, then what each further one finds besides.

    Where none of them finds any, those of ``last``. So the first faces, and their places among the others, are those
    that a ``CascadeDetector`` of the same detectors finds.
    """

    name = "every"

    def __init__(self, detectors: Sequence[Detector], last: Detector) -> None:
        self._detectors = tuple(detectors)
        self._last = last

    def _detect(self, pixels: Pixels) -> list[DetectedFace]:
        faces: list[DetectedFace] = []
        for detector in self._detectors:
            faces += [face for face in detector.detect(pixels) if not any(_is_same(face, found) for found in faces)]
        return faces or self._last.detect(pixels)


def _is_same(face: DetectedFace, found: DetectedFace) -> bool:
    common = _common(face.box, found.box)
    smaller, larger = sorted((face.box.area, found.box.area))
    return common > SAME_IOU * (smaller + larger - common) or common > SAME_COVERED * smaller


def _common(first: Box, second: Box) -> float:
    """The area that two boxes share."""
    left, top = max(first.left, second.left), max(first.top, second.top)
    return Box(left, top, min(first.right, second.right), min(first.bottom, second.bottom)).area
