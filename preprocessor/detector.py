"""What every detector is: RGB pixels in, faces out."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from preprocessor.types import DetectedFace, Pixels


class Detector(ABC):
    """Finds faces. An instance belongs to one thread: dlib's objects are not safe to share."""

    #: How a setting, and the pipeline's version, name this detector.
    name: ClassVar[str]

    def detect(self, pixels: Pixels) -> list[DetectedFace]:
        """Faces of one picture, shape (height, width, 3) uint8 RGB; those found together by falling score.

        Raises ``ValueError`` for any other kind of array.
        """
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
            raise ValueError(f"expected RGB pixels (height, width, 3) uint8, got {pixels.shape} {pixels.dtype}")
        return self._detect(np.ascontiguousarray(pixels))

    @abstractmethod
    def _detect(self, pixels: Pixels) -> list[DetectedFace]:
        """The faces of contiguous RGB pixels, the surest first."""
