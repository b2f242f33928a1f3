"""What every encoder is: aligned chips in, 128-d encodings out."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from constants.faces import CHIP_SIDE, ENCODING_SIZE
from preprocessor.types import Floats, Pixels


class Encoder(ABC):
    """Turns chips into encodings. An instance belongs to one thread."""

    #: How a setting, and the pipeline's version, name this encoder.
    name: ClassVar[str]

    def encode(self, chips: Pixels) -> Floats:
        """Encodings, shape (n, 128) float32, of chips, shape (n, 150, 150, 3) uint8 RGB.

        Raises ``ValueError`` for any other kind of array.
        """
        if chips.shape[1:] != (CHIP_SIDE, CHIP_SIDE, 3) or chips.dtype != np.uint8:
            raise ValueError(f"expected chips (n, {CHIP_SIDE}, {CHIP_SIDE}, 3) uint8, got {chips.shape} {chips.dtype}")
        if len(chips) == 0:
            return np.empty((0, ENCODING_SIZE), np.float32)
        return self._encode(np.ascontiguousarray(chips))

    @abstractmethod
    def _encode(self, chips: Pixels) -> Floats:
        """The encodings of at least one chip."""
