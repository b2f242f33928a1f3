"""A face made worse is measured as worse, and nothing else changes; in the end it is refused for that reason."""

from functools import cache

import cv2
import numpy as np
import pytest
from PIL import Image

from constants.reasons import Reason
from preprocessor.alignment import Aligner
from preprocessor.hog_detector import HogDetector
from preprocessor.quality import MIN_BRIGHTNESS, MIN_SHARPNESS, face_quality, unfit_to_judge
from preprocessor.types import AlignedFace, Box, DetectedFace, FaceQuality

#: Faces of the data set that are looked at.
FACES = 200


@cache
def aligner() -> Aligner:
    return Aligner()


@pytest.fixture(scope="module")
def box(astronaut) -> Box:
    return HogDetector().detect(astronaut)[0].box


def seen(pixels: np.ndarray, box: Box) -> FaceQuality:
    return face_quality(aligner().align(np.ascontiguousarray(pixels), DetectedFace(box, 1.0)))


def reduced(pixels: np.ndarray, box: Box, side: float) -> FaceQuality:
    scale = side / box.width
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return seen(small, box.scaled(small.shape[1] / pixels.shape[1], small.shape[0] / pixels.shape[0]))


def blurred(pixels: np.ndarray, box: Box, share: float) -> np.ndarray:
    """The picture out of focus by a share of the face."""
    return cv2.GaussianBlur(pixels, (0, 0), share * box.width)


def moved(pixels: np.ndarray, box: Box, share: float, degrees: float) -> np.ndarray:
    """The picture as a camera sees it that moves by a share of the face."""
    length = round(share * box.width) | 1
    path = np.zeros((length, length), np.float32)
    path[length // 2] = 1
    middle = (length - 1) / 2
    path = cv2.warpAffine(path, cv2.getRotationMatrix2D((middle, middle), degrees, 1.0), (length, length))
    return cv2.filter2D(pixels, -1, path / path.sum())


def landmarks(yaw: float, pitch: float, roll: float = 0.0, scale: float = 40.0) -> np.ndarray:
    """Where the five points of a head of usual proportions are seen, turned about its three axes by degrees."""
    # x to the picture's right, y down, z to the camera.
    head = np.array([(0.5, 0, 0), (0.22, 0, 0.05), (-0.5, 0, 0), (-0.22, 0, 0.05), (0, 0.55, 0.38)])
    a, b, c = np.radians((yaw, pitch, roll))
    about_y = np.array([(np.cos(a), 0, np.sin(a)), (0, 1, 0), (-np.sin(a), 0, np.cos(a))])
    about_x = np.array([(1, 0, 0), (0, np.cos(b), -np.sin(b)), (0, np.sin(b), np.cos(b))])
    about_z = np.array([(np.cos(c), -np.sin(c), 0), (np.sin(c), np.cos(c), 0), (0, 0, 1)])
    return 60 + scale * (head @ (about_z @ about_x @ about_y).T)[:, :2]


def posed(points: np.ndarray) -> FaceQuality:
    chip = np.random.default_rng(0).integers(0, 256, (150, 150, 3), dtype=np.uint8)
    return face_quality(AlignedFace(DetectedFace(Box(0, 0, 90, 90), 1.0), points, cv2.GaussianBlur(chip, (0, 0), 3)))


def test_a_good_portrait_is_judged(astronaut, box):
    quality = seen(astronaut, box)
    assert quality.side == min(box.width, box.height)
    assert quality.sharpness > 1.3 * MIN_SHARPNESS and quality.brightness > 10 * MIN_BRIGHTNESS
    assert unfit_to_judge(quality) is None


def test_faces_of_a_real_collection_are_judged(lfw):
    detector, refused, count = HogDetector(), [], 0
    for person in sorted(lfw.iterdir())[:: len(list(lfw.iterdir())) // FACES]:
        pixels = np.asarray(Image.open(min(person.iterdir())).convert("RGB"))
        for face in detector.detect(pixels)[:1]:
            count += 1
            refused.append(unfit_to_judge(seen(pixels, face.box)))
    assert count > 0.9 * FACES
    assert sum(reason is not None for reason in refused) <= 0.005 * count


@pytest.mark.parametrize("degrees", [0, 30, 60, 90, 135])
def test_a_camera_that_moves_costs_sharpness_whatever_its_way(astronaut, box, degrees):
    sharpness = [seen(moved(astronaut, box, share, degrees), box).sharpness for share in (0.01, 0.1, 0.2, 0.3)]
    assert sharpness == sorted(sharpness, reverse=True)
    assert sharpness[-1] < 0.75 * sharpness[0]


def test_the_more_blurred_the_less_sharp_until_it_is_refused(astronaut, box):
    found = [seen(blurred(astronaut, box, share), box) for share in (0.005, 0.01, 0.02, 0.03, 0.04, 0.06)]
    sharpness = [quality.sharpness for quality in found]
    assert sharpness == sorted(sharpness, reverse=True)
    assert unfit_to_judge(found[1]) is None and unfit_to_judge(found[-1]) == Reason.LOW_SHARPNESS


def test_light_and_scale_leave_sharpness_and_sharpness_leaves_light(astronaut, box):
    quality = seen(astronaut, box)
    dark, half = seen((astronaut * 0.3).astype(np.uint8), box), reduced(astronaut, box, box.width / 2)
    assert dark.sharpness == pytest.approx(quality.sharpness, rel=0.05)
    assert half.sharpness == pytest.approx(quality.sharpness, rel=0.15)
    for other in (half, seen(blurred(astronaut, box, 0.04), box)):
        assert other.brightness == pytest.approx(quality.brightness, rel=0.05)
    assert dark.brightness == pytest.approx(0.3 * quality.brightness, rel=0.05)


@pytest.mark.parametrize("factor", [0.02, 30.0])
def test_a_face_in_no_light_or_far_too_much_is_refused(astronaut, box, factor):
    lit = np.clip(astronaut * factor, 0, 255).astype(np.uint8)
    assert unfit_to_judge(seen(lit, box)) == Reason.LOW_BRIGHTNESS


def test_a_dim_picture_is_judged(astronaut, box):
    assert unfit_to_judge(seen((astronaut * 0.15).astype(np.uint8), box)) is None


def test_a_face_of_few_pixels_is_refused(astronaut, box):
    assert unfit_to_judge(reduced(astronaut, box, 40)) is None
    assert unfit_to_judge(reduced(astronaut, box, 12)) == Reason.SMALL_BOUNDING_BOX


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_flat_chip_is_not_sharp(value):
    chip = np.full((150, 150, 3), value, np.uint8)
    quality = face_quality(AlignedFace(DetectedFace(Box(0, 0, 90, 90), 1.0), landmarks(0, 0), chip))
    assert (quality.sharpness, quality.brightness) == (pytest.approx(0, abs=1e-6), value)
    assert unfit_to_judge(quality) in (Reason.LOW_SHARPNESS, Reason.LOW_BRIGHTNESS)


@pytest.mark.parametrize("roll", [-30, 0, 90])
@pytest.mark.parametrize("yaw", [-60, -45, -20, 0, 20, 45, 60])
def test_a_turned_head_has_the_angle_it_was_turned_by(yaw, roll):
    quality = posed(landmarks(yaw, 0, roll))
    assert (quality.yaw, quality.pitch) == pytest.approx((yaw, 0), abs=0.1)
    assert unfit_to_judge(quality) == (Reason.EXTREME_POSE if abs(yaw) > 50 else None)


@pytest.mark.parametrize("pitch", [-30, -15, 0, 15, 30, 45])
def test_a_raised_head_has_the_angle_it_was_raised_by(pitch):
    quality = posed(landmarks(0, pitch))
    assert (quality.yaw, quality.pitch) == pytest.approx((0, pitch), abs=0.1)
    assert unfit_to_judge(quality) == (Reason.EXTREME_POSE if pitch > 35 else None)


@pytest.mark.parametrize("points", [np.zeros((5, 2)), np.full((5, 2), 7.0), landmarks(0, 0)[:, ::-1], -landmarks(0, 0)])
def test_landmarks_of_no_face_have_finite_angles(points):
    quality = posed(points)
    assert np.isfinite([quality.yaw, quality.pitch]).all()
