"""Quality as part of a graph: the numbers and reasons of the service."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from PIL import Image

from preprocessor.graphs.quality_graph import add_quality, add_unfit
from preprocessor.quality import UNFIT, face_quality, unfit_to_judge
from preprocessor.types import AlignedFace, Box, DetectedFace
from test.preprocessor.graph_parts import part

#: Faces that are made up for each portrait.
DRAWN = 12


@pytest.fixture(scope="module")
def quality():
    return part(
        lambda box, chip, landmarks: [add_quality(box, chip, landmarks)],
        box=np.float64,
        chip=np.uint8,
        landmarks=np.float64,
    )


@pytest.fixture(scope="module")
def unfit():
    return part(lambda qualities: [add_unfit(qualities)], qualities=np.float32)


@pytest.fixture(scope="module")
def faces(portrait_files) -> Sequence[AlignedFace]:
    """Chips as they are, blurred, darkened and brightened, of noise, and of one grey; landmarks turned every way."""
    rng, found = np.random.default_rng(0), []
    for file in portrait_files(4):
        chip = np.asarray(Image.open(file).convert("RGB").resize((150, 150)))
        for number in range(DRAWN):
            changed = cv2.GaussianBlur(chip, (0, 0), rng.uniform(0.3, 6)) if number % 2 else chip
            changed = (changed * (rng.uniform(0.0, 0.2) if number % 5 == 0 else 1)).astype(np.uint8)
            changed = 255 - (255 - changed) // 40 if number == 7 else changed
            found.append(drawn_face(changed, rng))
    flat, noise = np.full((150, 150, 3), 90, np.uint8), rng.integers(0, 256, (150, 150, 3), np.uint8)
    return [*found, drawn_face(flat, rng), drawn_face(noise, rng)]


def drawn_face(chip: np.ndarray, rng: np.random.Generator) -> AlignedFace:
    corner, sides = rng.uniform(-20, 300, 2), rng.uniform(8, 90, 2)
    usual = np.array([(0.86, 0.2), (0.65, 0.2), (0.12, 0.2), (0.33, 0.2), (0.49, 0.6)])
    landmarks = corner + sides * (usual + rng.normal(0, 0.08, usual.shape))
    return AlignedFace(DetectedFace(Box(*corner, *(corner + sides)), 1.0), landmarks, chip)


def test_qualities_and_reasons_are_the_services(quality, unfit, faces):
    told = set()
    for face in faces:
        expected, box = face_quality(face), face.detected.box
        corners = np.array([box.left, box.top, box.right, box.bottom])
        (found,) = quality.run(None, {"box": corners, "chip": face.chip, "landmarks": face.landmarks})
        numbers = [expected.side, expected.sharpness, expected.brightness, expected.yaw, expected.pitch]
        assert np.abs(found - numbers) == pytest.approx(0, abs=1e-3)
        (place,) = unfit.run(None, {"qualities": found[None]})[0]
        reason = UNFIT[place] if place >= 0 else None
        assert reason == unfit_to_judge(expected)
        told.add(reason)
    assert told == {None, *UNFIT}


def test_no_faces_have_no_reasons(unfit):
    assert unfit.run(None, {"qualities": np.empty((0, 5), np.float32)})[0].shape == (0,)
