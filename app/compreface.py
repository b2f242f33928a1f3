"""The recognition interface of CompreFace, so that its clients work with another address: everything is translated.

Paths, fields and codes of errors are those of CompreFace 1.2 (its docs/Rest-API-description.md and
CommonExceptionCode.java). Subjects are people, examples are faces.
"""

import base64
import binascii
from collections.abc import Sequence
from math import ceil
from typing import Any

from flask import Blueprint, Response, request, send_file
from pydantic import BaseModel, ConfigDict, Field

from app import collection
from app.declared import declare
from app.errors import refusal_in_dialect
from app.parameters import Nothing, arguments
from app.people import sent_json
from app.service import workplace
from app.uploads import in_memory, photo_form
from constants.exceptions import FacialError, ImageRejected, InvalidRequest, NotFound
from constants.reasons import Reason
from jobs.versions.collection import Example
from preprocessor.media_formats import kept_media_type

blueprint = Blueprint("compreface", __name__, url_prefix="/api/v1/recognition")

#: Codes of errors: no face, several, a file that is no picture, a face that is not there, an unusable argument, others.
_NO_FACE, _SEVERAL_FACES, _NO_PICTURE, _NO_EXAMPLE, _INVALID, _OTHER = 28, 31, 21, 11, 26, 0
#: Bytes of JSON that names a subject.
_MAX_SUBJECT_BYTES = 4096


class _Arguments(BaseModel):
    """Arguments are as other programs send them; what nothing here answers, such as other plugins, is passed over."""

    model_config = ConfigDict(extra="ignore")


class _Photo(_Arguments):
    limit: int = Field(0, ge=0)
    det_prob_threshold: float = Field(0.0, ge=0, le=1)
    face_plugins: str = ""


class _Recognize(_Photo):
    prediction_count: int = Field(1, ge=0)


class _Add(_Arguments):
    subject: str = Field(min_length=1)


class _Page(_Arguments):
    subject: str = ""
    page: int = Field(0, ge=0, le=1_000_000_000)
    size: int = Field(20, ge=1, le=10_000)


class _Of(_Arguments):
    subject: str = ""


class _Subject(BaseModel):
    subject: str = Field(min_length=1)


@blueprint.errorhandler(FacialError)
def _refused(error: FacialError) -> Response:
    return refusal_in_dialect(error, {"message": str(error), "code": _code(error)})


def _code(error: FacialError) -> int:
    if isinstance(error, ImageRejected):
        return {Reason.NO_FACE: _NO_FACE, collection.SEVERAL_FACES: _SEVERAL_FACES}.get(error.reason, _NO_PICTURE)
    if isinstance(error, NotFound):
        return _NO_EXAMPLE
    return _INVALID if isinstance(error, InvalidRequest) else _OTHER


@blueprint.post("/recognize")
@declare("recognize", "recognize")
def recognize() -> dict[str, Any]:
    """The faces in a photo, the largest first, each with whom it resembles most."""
    asked = arguments(_Recognize)
    with in_memory():
        _, photo = _photo()
        found = collection.recognized(photo)
    return {"result": [_recognized(face, asked) for face in _wanted(found, asked)]}


def _recognized(face: dict[str, Any], asked: _Recognize) -> dict[str, Any]:
    likely = face["candidates"][: asked.prediction_count]
    subjects = [{"subject": one["person"], "similarity": one["confidence"]} for one in likely]
    return _place(face, asked) | {"subjects": subjects}


def _wanted(found: Sequence[dict[str, Any]], asked: _Photo) -> list[dict[str, Any]]:
    """The faces that are asked for, the largest first. Raises ``ImageRejected`` where there is none."""
    sure = [face for face in found if _probability(face) >= asked.det_prob_threshold]
    if not sure:
        raise ImageRejected(Reason.NO_FACE, "No face is found in the given image")
    return sorted(sure, key=lambda face: -_area(face["box"]))[: asked.limit or None]


def _place(face: dict[str, Any], asked: _Photo) -> dict[str, Any]:
    place: dict[str, Any] = {"box": face["box"] | {"probability": _probability(face)}}
    if "landmarks" in asked.face_plugins:
        place["landmarks"] = [[round(x), round(y)] for x, y in face["landmarks"]]
    return place


def _probability(face: dict[str, Any]) -> float:
    """That of a face on CompreFace's scale, whose own limit, 0.8, is where the one here is 0.5.

    The odds are four times as high, so that a program which asks for 0.8 gets the faces that this service finds.
    """
    ours: float = face["box"]["probability"]
    return round(4 * ours / (1 + 3 * ours), 4)


def _area(box: dict[str, Any]) -> float:
    return float((box["x_max"] - box["x_min"]) * (box["y_max"] - box["y_min"]))


@blueprint.post("/faces")
@declare("build", "grow")
def add_face() -> tuple[dict[str, Any], int]:
    """Let the one face of a photo stand for a subject."""
    asked = arguments(_Add)
    with in_memory():
        (example,) = collection.add(asked.subject, [_photo()], collection.only)
    return _shown(example), 201


@blueprint.get("/faces")
@declare("key", "people")
def list_faces() -> dict[str, Any]:
    """The examples of all subjects, or of one, by pages."""
    asked = arguments(_Page)
    found = _of(asked.subject, collection.examples())
    first = asked.page * asked.size
    return {
        "faces": [_shown(example) for example in found[first : first + asked.size]],
        "page_number": asked.page,
        "page_size": asked.size,
        "total_pages": ceil(len(found) / asked.size),
        "total_elements": len(found),
    }


@blueprint.delete("/faces")
@declare("build", "forget")
def delete_faces() -> dict[str, Any]:
    """Forget a subject or, where none is named, all of them; tells how many examples there were."""
    subject = arguments(_Of).subject
    if not subject:
        return {"deleted": len(collection.forget_everybody())}
    gone = _of(subject, collection.examples())
    if gone:
        collection.forget(subject)
    return {"deleted": len(gone)}


@blueprint.delete("/faces/<image_id>")
@declare("build", "forget")
def delete_face(image_id: str) -> dict[str, Any]:
    """Forget one example."""
    arguments(Nothing)
    return _shown(collection.forget_face(image_id))


@blueprint.post("/faces/<image_id>/verify")
@declare("recognize", "verify")
def verify_face(image_id: str) -> dict[str, Any]:
    """How probable it is that each face of a photo, the largest first, is of the same person as an example."""
    asked = arguments(_Photo)
    with in_memory():
        _, photo = _photo()
        example, found = collection.resembling(photo, image_id)
    return {
        "result": [
            _place(face, asked) | {"subject": example.person, "similarity": face["confidence"]}
            for face in _wanted(found, asked)
        ]
    }


@blueprint.get("/faces/<image_id>/img")
@declare("key", "images")
def show_face(image_id: str) -> Response:
    """The picture of an example, where it is kept."""
    arguments(Nothing)
    picture = collection.picture(image_id)
    return send_file(picture, kept_media_type(picture))


@blueprint.get("/subjects", strict_slashes=False)
@blueprint.get("/subjects/")
@declare("key", "people")
def list_subjects() -> dict[str, Any]:
    """Whoever is known."""
    return {"subjects": collection.people()}


@blueprint.post("/subjects")
@declare("build", "people")
def add_subject() -> tuple[dict[str, Any], int]:
    """Take note of a subject, which is known from its first example on: here nobody is without a face."""
    return {"subject": _sent_subject()}, 201


@blueprint.put("/subjects/<path:subject>")
@declare("build", "rename")
def rename_subject(subject: str) -> dict[str, Any]:
    """Call a subject something else; the name of another one joins the two."""
    collection.rename(subject, _sent_subject())
    return {"updated": True}


@blueprint.delete("/subjects/<path:subject>")
@declare("build", "forget")
def delete_subject(subject: str) -> dict[str, Any]:
    """Forget a subject."""
    collection.forget(subject)
    return {"subject": subject}


@blueprint.delete("/subjects")
@declare("build", "forget")
def delete_subjects() -> dict[str, Any]:
    """Forget all subjects; tells how many there were."""
    return {"deleted": len({example.person for example in collection.forget_everybody()})}


def _shown(example: Example) -> dict[str, Any]:
    return {"image_id": example.id, "subject": example.person}


def _of(subject: str, found: Sequence[Example]) -> Sequence[Example]:
    """The examples of a subject, or where none is named, all."""
    return [example for example in found if subject in ("", example.person)]


def _sent_subject() -> str:
    return sent_json(_Subject, _MAX_SUBJECT_BYTES, 'Send JSON with the name: {"subject": "Ada"}.').subject


def _photo() -> tuple[str, bytes]:
    """Name and bytes of the photo of the request at hand: the part ``file``, or in JSON the same as base64."""
    if request.mimetype == "application/json":
        return "photo", _decoded(request.get_json(silent=True))
    sent = [photo for part, photo in photo_form(workplace().settings).files if part == "file"]
    if len(sent) != 1:
        raise InvalidRequest("Send one photo as the part 'file', or as base64 in JSON.")
    return sent[0].name, bytes(sent[0].content)


def _decoded(sent: Any) -> bytes:
    try:
        return base64.b64decode(sent["file"], validate=True)
    except (TypeError, KeyError, ValueError, binascii.Error) as error:
        raise InvalidRequest('Send JSON with the photo as base64: {"file": "…"}.') from error
