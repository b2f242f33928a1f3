"""What photos say without a recognizer: the encodings of their faces, and whether two show the same person."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from constants.exceptions import ImageRejected
from constants.reasons import Reason
from constants.settings import Settings
from features.angle_evidence import evidence_of_pair
from jobs.work import stages
from jobs.work.face_answers import about_photo, found_face, unusable
from modelization.decision.decision_rule import logistic
from preprocessor.steps import BeforeEach, unwatched
from preprocessor.types import EncodedFace, EncodedImage


def encoded(
    images: Sequence[bytes | Path], settings: Settings, before_each: BeforeEach = unwatched
) -> list[dict[str, Any]]:
    """For each photo its sides and faces with their encodings as JSON, or the reason why it cannot be used."""
    return [_encoded(image) for image in stages.pipeline(settings).encode(images, before_each)]


def compared(images: Sequence[bytes | Path], settings: Settings, before_each: BeforeEach = unwatched) -> dict[str, Any]:
    """Whether the largest faces of two photos are of one person, as JSON.

    The confidence is the probability that they are, were it as likely as not before one looked, by the angle between
    the two encodings. Raises ``ImageRejected`` for a photo that cannot be used, or that has no face.
    """
    first, second = (_largest(image) for image in stages.pipeline(settings).encode(images, before_each))
    nats = evidence_of_pair(first.face.encoding, second.face.encoding)
    return {
        "same_person": nats >= 0,
        "confidence": round(float(logistic(nats)), 4),
        "faces": [found_face(found.face, found.image) for found in (first, second)],
    } | ({"first_of_several": True} if first.image.first_of_several or second.image.first_of_several else {})


@dataclass(frozen=True)
class _Found:
    face: EncodedFace
    image: EncodedImage


def _largest(image: EncodedImage | ImageRejected) -> _Found:
    if isinstance(image, ImageRejected):
        raise image
    if not image.faces:
        raise ImageRejected(Reason.NO_FACE, Reason.NO_FACE.message)
    return _Found(max(image.faces, key=lambda face: face.detected.box.area * face.detected.probability), image)


def _encoded(image: EncodedImage | ImageRejected) -> dict[str, Any]:
    if isinstance(image, ImageRejected):
        return unusable(image)
    faces = [found_face(face, image) | {"encoding": face.encoding.tolist()} for face in image.faces]
    return about_photo(image) | {"faces": faces}
