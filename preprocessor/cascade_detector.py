"""Several detectors in order of cost, each asked only where the one before found nothing."""

from collections.abc import Sequence

from preprocessor.detector import Detector
from preprocessor.types import DetectedFace, Pixels


class CascadeDetector(Detector):
    """The faces of the first detector that finds any."""

    name = "cascade"

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._detectors = tuple(detectors)

    def _detect(self, pixels: Pixels) -> list[DetectedFace]:
        return next(filter(None, (detector.detect(pixels) for detector in self._detectors)), [])
