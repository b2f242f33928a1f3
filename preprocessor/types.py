"""The typed results of every stage of the face pipeline.

Coordinates are pixels of the picture as a person sees it (EXIF orientation applied), x to the
right and y down; a box is the half-open rectangle ``[left, right) x [top, bottom)``.
"""

from dataclasses import dataclass
from math import exp

import numpy as np
import numpy.typing as npt

#: RGB pixels, shape (height, width, 3).
Pixels = npt.NDArray[np.uint8]
#: float32 or float64 values.
Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels; it may reach beyond the picture."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def area(self) -> float:
        return max(self.width, 0.0) * max(self.height, 0.0)

    def scaled(self, x: float, y: float) -> "Box":
        """The same rectangle in a picture whose sides are ``x`` and ``y`` times as long."""
        return Box(self.left * x, self.top * y, self.right * x, self.bottom * y)

    def grown(self, share: float) -> "Box":
        """The rectangle with a share of its sides more on each side."""
        x, y = share * self.width, share * self.height
        return Box(self.left - x, self.top - y, self.right + x, self.bottom + y)

    def within(self, width: float, height: float) -> "Box":
        """What of the rectangle lies in a picture of these sides."""
        left, top = min(max(self.left, 0.0), width), min(max(self.top, 0.0), height)
        return Box(left, top, min(max(self.right, left), width), min(max(self.bottom, top), height))


@dataclass(frozen=True)
class DetectedFace:
    """Where a face is. ``score`` is the detector's own margin: higher is surer, 0 its usual limit."""

    box: Box
    score: float

    @property
    def probability(self) -> float:
        """The score on a scale from 0 to 1, by the logistic function; an order, not a measured frequency."""
        return 1.0 / (1.0 + exp(-self.score))


@dataclass(frozen=True)
class AlignedFace:
    """A face turned upright and cut out: landmarks (5, 2) in the picture, chip (150, 150, 3) uint8."""

    detected: DetectedFace
    landmarks: Floats
    chip: Pixels


@dataclass(frozen=True)
class FaceQuality:
    """How well a face can be seen.

    ``side`` is the shorter one of its box, in pixels of the photo; ``sharpness`` is 0 to 1, whatever the light, and
    ``brightness`` the mean luminance, 0 to 255. ``yaw`` and ``pitch`` are estimates in degrees, 0 for a face that looks
    into the camera, positive to the picture's right and upwards.
    """

    side: float
    sharpness: float
    brightness: float
    yaw: float
    pitch: float


@dataclass(frozen=True)
class EncodedFace:
    """A face as 128 numbers: ``encoding`` is float32, shape (128,)."""

    detected: DetectedFace
    landmarks: Floats
    encoding: Floats
    quality: FaceQuality


@dataclass(frozen=True)
class EncodedImage:
    """Every face of one picture, whose sides are in pixels after EXIF orientation.

    It may be the first of several in its file, of which the others were not looked at.
    """

    width: int
    height: int
    faces: tuple[EncodedFace, ...]
    first_of_several: bool = False
