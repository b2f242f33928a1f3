"""A recognition: photos and a recognizer in, the faces and their names out."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from constants.exceptions import ImageRejected, NotReady
from constants.reasons import Reason
from constants.settings import Settings
from jobs.work import stages
from jobs.work.face_answers import about_photo, found_face, unusable
from modelization.face_recognizer import FaceRecognizer, Identification
from preprocessor.decoding import Photo
from preprocessor.drawing import draw_faces
from preprocessor.quality import unfit_to_judge
from preprocessor.steps import BeforeEach, unwatched
from preprocessor.types import EncodedFace, EncodedImage
from preprocessor.version import settings_of

#: Faces of one photo that are judged, the largest ones, as many as other services look at; a crowd's others are
#: answered without a name.
MAX_FACES = 100

#: JPEG quality of a photo that faces were drawn into: nothing is seen of the loss.
_DRAWN_QUALITY = 90


def recognize(
    recognizer: FaceRecognizer, images: Sequence[bytes | Path], settings: Settings, before_each: BeforeEach = unwatched
) -> list[dict[str, Any]]:
    """For each photo its sides and all its faces, the surest first, as JSON, or the reason why it cannot be used.

    ``before_each`` is called before each photo.
    The pipeline is the one that the recognizer was built with, whatever the service builds with now.
    Raises ``NotReady`` for a recognizer whose pipeline is no longer known.
    """
    try:
        own = settings_of(recognizer.pipeline_version, settings)
    except ValueError as error:
        raise NotReady("This recognizer was built with a face pipeline that is gone; build it anew.") from error
    found = stages.pipeline(own).encode(images, before_each, in_doubt=recognizer.in_doubt)
    encoded = [_surest_first(image) for image in found]
    verdicts = _verdicts(recognizer, [image for image in encoded if isinstance(image, EncodedImage)])
    return [_answer(image, verdicts, recognizer.threshold) for image in encoded]


def drawn(
    images: Sequence[bytes | Path], answers: Sequence[dict[str, Any]], before_each: BeforeEach = unwatched
) -> tuple[bytes, ...]:
    """Each photo as a JPEG with its faces drawn into it, empty for one that cannot be used.

    ``before_each`` is called before each photo that is drawn.
    """
    return tuple(
        b"" if "reason" in answer else _drawn(image, answer, before_each)
        for image, answer in zip(images, answers, strict=True)
    )


def _drawn(image: bytes | Path, answer: dict[str, Any], before_each: BeforeEach) -> bytes:
    before_each()
    photo, buffer = Image.fromarray(Photo(image).pixels()), io.BytesIO()
    draw_faces(photo, answer["faces"])
    photo.save(buffer, "JPEG", quality=_DRAWN_QUALITY)
    return buffer.getvalue()


def _surest_first(image: EncodedImage | ImageRejected) -> EncodedImage | ImageRejected:
    if isinstance(image, ImageRejected):
        return image
    return replace(image, faces=tuple(sorted(image.faces, key=lambda face: -face.detected.score)))


def _verdicts(recognizer: FaceRecognizer, images: Sequence[EncodedImage]) -> Iterator[Identification | Reason]:
    """Of every face of all photos who it shows, or the reason why it cannot be judged."""
    faces = [face for image in images for face in image.faces]
    reasons = [reason for image in images for reason in _not_judged(image.faces)]
    judged = [face.encoding for face, reason in zip(faces, reasons, strict=True) if reason is None]
    # All faces at once: the network's overhead is greater than its work.
    found = iter(recognizer.identify(np.stack(judged)) if judged else ())
    return (reason or next(found) for reason in reasons)


def _not_judged(faces: Sequence[EncodedFace]) -> list[Reason | None]:
    """Of every face of a photo the reason why it cannot be judged, None for those that can."""
    reasons = [unfit_to_judge(face.quality) for face in faces]
    fit = [index for index, reason in enumerate(reasons) if reason is None]
    for index in sorted(fit, key=lambda index: -faces[index].quality.side)[MAX_FACES:]:
        reasons[index] = Reason.EXCEEDS_MAX_FACES
    return reasons


def _answer(
    image: EncodedImage | ImageRejected, verdicts: Iterator[Identification | Reason], threshold: float
) -> dict[str, Any]:
    if isinstance(image, ImageRejected):
        return unusable(image)
    return about_photo(image) | {
        "threshold": threshold,
        "faces": [found_face(face, image) | _identity(next(verdicts)) for face in image.faces],
    }


def _identity(verdict: Identification | Reason) -> dict[str, Any]:
    if isinstance(verdict, Reason):
        return {"person": None, "confidence": None, "candidates": []} | _because(verdict)
    return {
        "person": verdict.person,
        "confidence": round(verdict.confidence, 4),
        "candidates": [
            {"person": candidate.person, "confidence": round(candidate.confidence, 4)}
            for candidate in verdict.candidates
        ],
    } | _because(Reason.LOW_CONFIDENCE if verdict.person is None else None)


def _because(reason: Reason | None) -> dict[str, Any]:
    return {"reason": reason, "message": reason.message if reason else None}
