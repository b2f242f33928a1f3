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
from features.store import FaceFeatures, ImageFeatures, QualityFeatures
from features.training_set import TrainingSet
from modelization.provenance import Provenance, TrainingOptions
from modelization.training_progress import Progress, Report, Said, preparing
from preprocessor.face_pipeline import FacePipeline, make_pipeline
from preprocessor.steps import BeforeEach, unwatched
from preprocessor.types import EncodedFace, EncodedImage
from preprocessor.video import VideoFrame, video_frames


@dataclass(frozen=True)
class TrainRequest:
    """What a training needs: the faces, the choices, where from, and where the bundle goes.

    ``settings`` are those of the pipeline that encoded the faces, and ``kept`` pictures that the build keeps.
    """

    training_set: TrainingSet
    options: TrainingOptions
    provenance: Provenance
    path: Path
    settings: Settings
    kept: Sequence[Path]


@dataclass(frozen=True)
class TrainResult:
    """A finished bundle: its manifest as plain JSON, and the SHA-256 of its file."""

    manifest: dict[str, Any]
    sha256: str


@lru_cache(maxsize=2)
def pipeline(settings: Settings) -> FacePipeline:
    """This process' face pipeline, and one more for builds that chose another; a worker computes in one thread."""
    return make_pipeline(settings)


def encode(
    images: Sequence[bytes | Path], settings: Settings, before_each: BeforeEach = unwatched, every_face: bool = True
) -> list[ImageFeatures | Reason]:
    """The faces of each picture, or the reason why it cannot be used; ``before_each`` is called before each picture.

    Without ``every_face`` each is searched as far as it takes to find one person's. Raises ``FileNotFoundError`` where
    a picture that is given by its path is gone.
    """
    return [
        Reason(image.reason) if isinstance(image, ImageRejected) else image_features(image, every_face)
        for image in pipeline(settings).encode(images, before_each, every_face)
    ]


def take_apart(video: Path, before_each: BeforeEach = unwatched) -> list[VideoFrame] | Reason:
    """The frames of a video that are worth a look, or the reason why it cannot be used.

    ``before_each`` is called before each frame that is decoded. Raises ``FileNotFoundError`` where the video is gone.
    """
    try:
        return video_frames(video, before_each)
    except ImageRejected as rejection:
        return Reason(rejection.reason)


def image_features(image: EncodedImage, every_face: bool = True) -> ImageFeatures:
    """What is kept of an encoded picture, of which every face was looked for or only one person's."""
    faces = tuple(_face_features(face, index) for index, face in enumerate(image.faces))
    return ImageFeatures(image.width, image.height, faces, every_face, image.first_of_several)


def _face_features(face: EncodedFace, index: int) -> FaceFeatures:
    box, quality = face.detected.box, face.quality
    return FaceFeatures(
        (box.left, box.top, box.right, box.bottom),
        face.detected.score,
        np.asarray(face.landmarks, np.float32),
        np.asarray(face.encoding, np.float32),
        QualityFeatures(quality.sharpness, quality.brightness, quality.yaw, quality.pitch),
        index,
    )


def train(request: TrainRequest, report: Report) -> TrainResult:
    """Build a recognizer's version into ``request.path``. Raises ``BuildFailed`` where it cannot be."""
    before = preparing(request.options.search is not None)
    report(before)
    # Imported here: they load TensorFlow and the onnx package, which only training needs.
    from modelization.building import build_recognizer
    from modelization.bundle.photo_proof import PhotoProof
    from modelization.bundle.portable_bundle import add_portable_files

    with PhotoProof(request.settings) as proof:

        def tell(progress: Progress) -> None:
            if progress.unit == "epochs":  # a search before it may take long
                proof.prepare()
            report(progress)

        said = Said(tell, before)
        build_recognizer(request.training_set, request.options, request.provenance, request.path, said)
        said.again()
        try:
            pictures = [path.read_bytes() for path in request.kept if path.exists()]
            manifest = add_portable_files(request.path, request.settings, pictures, proof)
        except BaseException:
            request.path.unlink(missing_ok=True)
            raise
    with request.path.open("rb") as bundle:
        return TrainResult(manifest.model_dump(mode="json"), hashlib.file_digest(bundle, "sha256").hexdigest())
