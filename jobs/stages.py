"""The stages of a build as plain functions: arguments and results can be pickled, and nothing is shared.

They know no database, no socket and no lease, so that any ``concurrent.futures`` executor, here or on
another machine, can run them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from constants.exceptions import ImageRejected
from constants.reasons import Reason
from constants.settings import Settings
from features.store import FaceFeatures, ImageFeatures
from features.training_set import TrainingSet
from modelization.provenance import Provenance, Report, TrainingOptions
from preprocessor.pipeline import FacePipeline, make_pipeline
from preprocessor.types import EncodedFace, EncodedImage


@dataclass(frozen=True)
class TrainRequest:
    """What a training needs: the faces, the choices, where from, and where the dump goes."""

    training_set: TrainingSet
    options: TrainingOptions
    provenance: Provenance
    path: Path


@dataclass(frozen=True)
class TrainResult:
    """A finished dump: its manifest as plain JSON, and the SHA-256 of its file."""

    manifest: dict[str, Any]
    sha256: str


@lru_cache(maxsize=2)
def pipeline(settings: Settings) -> FacePipeline:
    """This process' face pipeline, and one more for builds that chose another; a worker computes in one thread."""
    return make_pipeline(settings)


def encode(images: Sequence[bytes], settings: Settings) -> list[ImageFeatures | Reason]:
    """The faces of each picture, or the reason why it cannot be used."""
    return [
        Reason(image.reason) if isinstance(image, ImageRejected) else image_features(image)
        for image in pipeline(settings).encode(images)
    ]


def image_features(image: EncodedImage) -> ImageFeatures:
    """What is kept of an encoded picture."""
    return ImageFeatures(image.width, image.height, tuple(map(_face_features, image.faces)))


def _face_features(face: EncodedFace) -> FaceFeatures:
    box = face.detected.box
    return FaceFeatures(
        (box.left, box.top, box.right, box.bottom),
        face.detected.score,
        np.asarray(face.landmarks, np.float32),
        np.asarray(face.encoding, np.float32),
    )


def train(request: TrainRequest, report: Report) -> TrainResult:
    """Build a recognizer's version into ``request.path``. Raises ``BuildFailed`` where it cannot be."""
    from modelization.building import build_recognizer  # imports TensorFlow, which only training needs

    manifest = build_recognizer(request.training_set, request.options, request.provenance, request.path, report)
    with request.path.open("rb") as dump:
        return TrainResult(manifest.model_dump(mode="json"), hashlib.file_digest(dump, "sha256").hexdigest())
