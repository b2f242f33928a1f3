"""How well a face can be seen, and whether that is enough to judge it.

The limits of size, light and sharpness are where about half of the known faces are still named. 250 faces of 125
people of LFW were made smaller, blurred, darker and brighter, step by step, and looked for in galleries of ten people
with three pictures each, as they were, at an FPIR of 1 %: of the faces as they were 99 % are named. None of all 6,055
faces is refused by these limits, and two by those of pose.
"""

from math import acos, atan, atan2, cos, degrees, hypot

import cv2
import numpy as np

from constants.faces import CHIP_PADDING, CHIP_SIDE
from constants.reasons import Reason
from preprocessor.types import AlignedFace, FaceQuality, Floats

#: Pixels of the photo; shorter side of a face's box. Of faces of 40, 22, 18 and 15 pixels 98, 88, 65 and 47 % are
#: named.
MIN_SIDE = 16.0
#: Share of the contrast, see ``preprocessor.quality``; its median is 0.63. Of faces out of focus, moved or enlarged
#: that have 0.46–0.5, 0.36–0.38, 0.34–0.36 and 0.28–0.3 are 86, 53, 43 and 30 % named, and strangers of the last two
#: 3.5 and 4.2 times as often as asked for.
MIN_SHARPNESS = 0.36
#: Mean luminance, 0 to 255. Of faces darkened to 12–14, 9–10 and 6–7 are 79, 56 and 28 % named, with a camera's noise
#: 76, 46 and 17 %; of those overexposed to 210–220, 235–240 and 243–246 are 79, 65 and 38 %. Neither is a matter of
#: skin: none of the 6,055 faces is darker than 48 or brighter than 199.
MIN_BRIGHTNESS, MAX_BRIGHTNESS = 9.0, 240.0
#: Degrees to either side, and upwards. Only the faces as they are can tell: in a gallery of 100 people 98 % of those
#: within 30 degrees are named, and three of the five that are turned by 46 to 51.
MAX_YAW, MAX_PITCH = 50.0, 35.0

#: Why a face cannot be judged; the first that applies is told.
UNFIT = (Reason.SMALL_BOUNDING_BOX, Reason.LOW_BRIGHTNESS, Reason.LOW_SHARPNESS, Reason.EXTREME_POSE)

#: Pixels of a chip that padding takes on each side of the face, and those of the face between.
MARGIN = round(CHIP_SIDE * CHIP_PADDING / (1 + 2 * CHIP_PADDING))
INNER_SIDE = CHIP_SIDE - 2 * MARGIN
#: Pixels of a chip; standard deviations of the blurs that take noise away, and features of the size that the encoder
#: needs. With these, faces of which equally many are still recognized are about equally sharp, whether they are out of
#: focus, moved or enlarged.
NOISE, FEATURES = 2.0, 4.0
#: Where the base of the nose lies, from the middle between the outer corners of the eyes, in units of the distance
#: between them: down, the median of 6,055 faces; and forward, as estimated from those that are seen turned.
NOSE_DOWN, NOSE_FORWARD = 0.55, 0.38


def face_quality(face: AlignedFace) -> FaceQuality:
    """How well a face can be seen, measured on its box, its chip and its landmarks."""
    box = face.detected.box
    inner = face.chip[MARGIN:-MARGIN, MARGIN:-MARGIN]
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
    seen = np.asarray(cv2.GaussianBlur(grey, (0, 0), NOISE), np.float32)
    left = np.asarray(cv2.GaussianBlur(seen, (0, 0), FEATURES), np.float32)
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
    yaw = atan(float(across @ from_eyes) / squared / NOSE_FORWARD)
    below = float(across[0] * from_eyes[1] - across[1] * from_eyes[0]) / squared * cos(yaw)
    pitch = acos(min(max(below / hypot(NOSE_DOWN, NOSE_FORWARD), -1.0), 1.0)) - atan2(NOSE_FORWARD, NOSE_DOWN)
    return degrees(yaw), degrees(pitch)
