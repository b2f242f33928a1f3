"""How well a face can be seen, and whether that is enough to judge it, as part of an ONNX graph.

The measures and limits are those of ``preprocessor.quality``.
"""

from math import atan2, hypot

import cv2
import numpy as np
import numpy.typing as npt

from constants.reasons import Reason
from preprocessor.graphs.expression import Expression, constant, maximum, minimum, stacked, where
from preprocessor.graphs.grey_graph import add_grey
from preprocessor.quality import (
    FEATURES,
    INNER_SIDE,
    MARGIN,
    MAX_BRIGHTNESS,
    MAX_PITCH,
    MAX_YAW,
    MIN_BRIGHTNESS,
    MIN_SHARPNESS,
    MIN_SIDE,
    NOISE,
    NOSE_DOWN,
    NOSE_FORWARD,
    UNFIT,
)

#: Numbers that say how well a face can be seen.
QUALITIES = 5
#: Standard deviations that a kernel of OpenCV's for float32 reaches to either side.
_REACH = 4


def add_quality(box: Expression, chip: Expression, landmarks: Expression) -> Expression:
    """Side, sharpness, brightness, yaw and pitch of a face, float32 (5,).

    Of its box, float64 (4,), its chip, uint8 (150, 150, 3), and its landmarks, float64 (5, 2).
    """
    grey = _grey(chip)
    sides = box.part([2], [4]) - box.part([0], [2])
    side = sides.apply("ReduceMin", keepdims=0).to(np.float32)
    brightness = grey.apply("ReduceMean", keepdims=0)
    return stacked([side, _sharpness(grey), brightness, *_pose(landmarks)])


def add_unfit(qualities: Expression) -> Expression:
    """Why faces of some qualities, float32 (faces, 5), cannot be judged.

    A place among ``UNFIT``, int32 (faces,), or -1 for a face that can be judged.
    """
    side, sharpness, brightness, yaw, pitch = (qualities.take(index, axis=1) for index in range(5))
    found = {
        Reason.SMALL_BOUNDING_BOX: side < MIN_SIDE,
        Reason.LOW_BRIGHTNESS: (brightness < MIN_BRIGHTNESS) | (brightness > MAX_BRIGHTNESS),
        Reason.LOW_SHARPNESS: sharpness < MIN_SHARPNESS,
        Reason.EXTREME_POSE: (yaw.apply("Abs") > MAX_YAW) | (pitch.apply("Abs") > MAX_PITCH),
    }
    reasons = (side * 0.0 - 1.0).to(np.int32)
    for place, reason in reversed(list(enumerate(UNFIT))):
        reasons = where(found[reason], constant(reasons.builder, place, np.int32), reasons)
    return reasons


def _grey(chip: Expression) -> Expression:
    """Grey values of a chip's inner part, whole float32."""
    inner = slice(MARGIN, MARGIN + INNER_SIDE)
    pixels = chip.part([inner.start], [inner.stop], 0).part([inner.start], [inner.stop], 1)
    return add_grey(pixels.to(np.float32))


def _sharpness(grey: Expression) -> Expression:
    seen = _blurred(grey, NOISE)
    left = (_contrast(_blurred(seen, FEATURES)) + 1.0) / (_contrast(seen) + 1.0)
    return maximum(1.0 - left.apply("ReduceMax", keepdims=0), 0.0)


def _blurred(grey: Expression, deviation: float) -> Expression:
    blur = _blur(deviation)
    return (constant(grey.builder, blur, np.float32) @ grey) @ blur.T


def _blur(deviation: float) -> npt.NDArray[np.floating]:
    """A matrix that blurs columns of grey values as OpenCV does, mirrored at the edges."""
    size = round(deviation * _REACH * 2 + 1) | 1
    kernel = cv2.getGaussianKernel(size, deviation)
    return np.asarray(cv2.sepFilter2D(np.eye(INNER_SIDE), -1, np.ones(1), kernel, borderType=cv2.BORDER_REFLECT_101))


def _contrast(grey: Expression) -> Expression:
    """Sums of squared differences of neighbours: across, down, and along both diagonals, (4,)."""
    last = INNER_SIDE - 1

    def but_one(values: Expression, start: int, axis: int) -> Expression:
        return values.part([start], [start + last], axis)

    above, below = (but_one(grey, start, 0) for start in (0, 1))
    across = but_one(grey, 1, 1) - but_one(grey, 0, 1)
    down = below - above
    falling, rising = but_one(below, 1, 1) - but_one(above, 0, 1), but_one(below, 0, 1) - but_one(above, 1, 1)
    return stacked([(difference * difference).sum() for difference in (across, down, falling, rising)])


def _pose(landmarks: Expression) -> tuple[Expression, Expression]:
    """Yaw and pitch in degrees, float32."""
    right, left, nose = (landmarks.take(index) for index in (0, 2, 4))
    across, from_eyes = right - left, nose - (right + left) / 2.0
    squared = maximum((across * across).sum(), 1.0)
    turned = (across * from_eyes).sum() / squared / NOSE_FORWARD
    yaw = turned.to(np.float32).apply("Atan")
    crossed = across.take(0) * from_eyes.take(1) - across.take(1) * from_eyes.take(0)
    below = (crossed / squared).to(np.float32) * yaw.apply("Cos") / hypot(NOSE_DOWN, NOSE_FORWARD)
    pitch = minimum(maximum(below, -1.0), 1.0).apply("Acos") - atan2(NOSE_FORWARD, NOSE_DOWN)
    return yaw * float(np.degrees(1)), pitch * float(np.degrees(1))
