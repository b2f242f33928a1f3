"""Landmarks of a face, and the upright chip that dlib's encoder wants."""

import dlib
import numpy as np

from constants.faces import CHIP_PADDING, CHIP_SIDE
from preprocessor.dlib_files.weights import LANDMARKS_5, weights_path
from preprocessor.types import AlignedFace, Box, DetectedFace, Pixels


class Aligner:
    """dlib's 5-point shape predictor and its alignment. An instance belongs to one thread."""

    def __init__(self) -> None:
        self._predictor = dlib.shape_predictor(str(weights_path(LANDMARKS_5)))

    def align(self, pixels: Pixels, face: DetectedFace) -> AlignedFace:
        """The face with landmarks (5, 2) and a chip (150, 150, 3), both from ``pixels``, in whose scale it stands.

        The landmarks are the outer and inner corner of the eye on the picture's right, the same of
        the one on its left, and the base of the nose.
        """
        shape = self._predictor(pixels, _rectangle(face.box))
        chip = dlib.get_face_chip(pixels, shape, size=CHIP_SIDE, padding=CHIP_PADDING)
        landmarks = np.array([(point.x, point.y) for point in shape.parts()], np.float64)
        return AlignedFace(face, landmarks, chip)


def _rectangle(box: Box) -> dlib.rectangle:
    return dlib.rectangle(round(box.left), round(box.top), round(box.right) - 1, round(box.bottom) - 1)
