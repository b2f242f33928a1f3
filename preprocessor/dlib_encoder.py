"""dlib's own encoder: the reference."""

import dlib
import numpy as np

from preprocessor.dlib_files.weights import ENCODER, weights_path
from preprocessor.encoder import Encoder
from preprocessor.types import Floats, Pixels


class DlibEncoder(Encoder):
    """dlib's face recognition ResNet, run by dlib."""

    name = "dlib"

    def __init__(self) -> None:
        self._network = dlib.face_recognition_model_v1(str(weights_path(ENCODER)))

    def _encode(self, chips: Pixels) -> Floats:
        return np.asarray(self._network.compute_face_descriptor(list(chips)), np.float32)
