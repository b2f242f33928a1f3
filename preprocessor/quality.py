"""How well a face can be seen, and whether that is enough to judge it."""

from math import acos, atan, atan2, cos, degrees, hypot

import cv2
import numpy as np

from constants.faces import CHIP_PADDING, CHIP_SIDE
from constants.quality import MAX_BRIGHTNESS, MAX_PITCH, MAX_YAW, MIN_BRIGHTNESS, MIN_SHARPNESS, MIN_SIDE
from constants.reasons import Reason
from preprocessor.types import AlignedFace, FaceQuality, Floats

#: Pixels of a chip that padding takes on each side of the face.
_MARGIN = round(CHIP_SIDE * CHIP_PADDING / (1 + 2 * CHIP_PADDING))
#: Pixels of a chip; standard deviations of the blurs that take noise away, and features of the size that the encoder
#: needs. With these, faces of which equally many are still recognised are about equally sharp, whether they are out of
#: focus, moved or enlarged.
_NOISE, _FEATURES = 2.0, 4.0
#: Where the base of the nose lies, from the middle between the outer corners of the eyes, in units of the distance
#: between them: down, the median of 6,055 faces; and forward, as estimated from those that are seen turned.
_NOSE_DOWN, _NOSE_FORWARD = 0.55, 0.38


def face_quality(face: AlignedFace) -> FaceQuality:
    """How well a face can be seen, measured on its box, its chip and its landmarks."""
    box = face.detected.box
    inner = face.chip[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    grey = np.asarray(cv2.cvtColor(inner, cv2.COLOR_RGB2GRAY), np.float32)
    yaw, pitch = _pose(face.landmarks)
    return FaceQuality(min(box.width, box.height), _sharpness(grey), float(grey.mean()), yaw, pitch)


def unfit_to_judge(quality: FaceQuality) -> Reason | None:
    """Why a face that is seen like this cannot be judged; None where it can."""
    if quality.side < MIN_SIDE:
        return Reason.SMALL_BOUNDING_BOX
    if not MIN_BRIGHTNESS <= quality.brightness <= MAX_BRIGHTNESS:
        return Reason.LOW_BRIGHTNESS
    if quality.sharpness < MIN_SHARPNESS:
        return Reason.LOW_SHARPNESS
    if abs(quality.yaw) > MAX_YAW or abs(quality.pitch) > MAX_PITCH:
        return Reason.EXTREME_POSE
    return None


def _sharpness(grey: Floats) -> float:
    """Share of the contrast of grey values (rows, columns) that a blur takes away, in the direction where it is least.

    A share, so that it depends on neither light nor skin; the least, because motion blurs in one direction alone.
    """
    seen = np.asarray(cv2.GaussianBlur(grey, (0, 0), _NOISE), np.float32)
    left = np.asarray(cv2.GaussianBlur(seen, (0, 0), _FEATURES), np.float32)
    # The one is next to nothing of a face's contrast; without any there is no sharpness.
    return max(1.0 - float(((_contrast(left) + 1.0) / (_contrast(seen) + 1.0)).max()), 0.0)


def _contrast(grey: Floats) -> Floats:
    """Sums of squared differences of neighbours: across, down, and along both diagonals, (4,)."""
    across, down = grey[:, 1:] - grey[:, :-1], grey[1:] - grey[:-1]
    falling, rising = grey[1:, 1:] - grey[:-1, :-1], grey[1:, :-1] - grey[:-1, 1:]
    return np.array([np.vdot(difference, difference) for difference in (across, down, falling, rising)])


def _pose(landmarks: Floats) -> tuple[float, float]:
    """Yaw and pitch in degrees, from where the base of the nose lies below the corners of the eyes.

    The view is taken as an orthographic one, and the head as one of usual proportions. Looking down lengthens the way
    from the eyes to the nose only until it faces the camera, at 35 degrees: nothing further is told.
    """
    right, left, nose = landmarks[0], landmarks[2], landmarks[4]
    across, from_eyes = right - left, nose - (right + left) / 2
    squared = max(float(across @ across), 1.0)
    yaw = atan(float(across @ from_eyes) / squared / _NOSE_FORWARD)
    below = float(across[0] * from_eyes[1] - across[1] * from_eyes[0]) / squared * cos(yaw)
    pitch = acos(min(max(below / hypot(_NOSE_DOWN, _NOSE_FORWARD), -1.0), 1.0)) - atan2(_NOSE_FORWARD, _NOSE_DOWN)
    return degrees(yaw), degrees(pitch)
