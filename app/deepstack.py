"""The face interface of DeepStack and CodeProject.AI, so that their clients work with another address.

Paths and fields are those of DeepStack's documentation (docs.deepstack.cc, face recognition). A user is a person.
"""

from typing import Any

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app import collection
from app.declared import declare
from app.errors import refusal_in_dialect
from app.multipart import Form
from app.service import workplace
from app.uploads import Photo, in_memory, photo_form
from constants.exceptions import FacialError, InvalidRequest, NotFound
from constants.validation import sentences

blueprint = Blueprint("deepstack", __name__, url_prefix="/v1/vision/face")

#: Whoever is not known.
_UNKNOWN = "unknown"


class _Fields(BaseModel):
    """The fields of a form; what nothing here answers is passed over."""

    model_config = ConfigDict(extra="ignore")

    userid: str = ""
    min_confidence: float = Field(0.0, ge=0, le=1)


@blueprint.errorhandler(FacialError)
def _refused(error: FacialError) -> Response:
    return refusal_in_dialect(error, {"success": False, "error": str(error)})


@blueprint.post("/recognize")
@declare("recognize", "recognize")
def recognize() -> dict[str, Any]:
    """The faces in a photo with the names of those who are known."""
    with in_memory():
        form = photo_form(workplace().settings)
        ((_, photo),) = _photos(form, most=1)
        found = collection.recognized(photo)
    least = _fields(form.fields.to_dict()).min_confidence
    return {"success": True, "predictions": [_named(face, least) | _sides(face) for face in found]}


def _named(face: dict[str, Any], least: float) -> dict[str, Any]:
    if face["person"] is None or face["confidence"] < least:
        return {"confidence": 0, "userid": _UNKNOWN}
    return {"confidence": face["confidence"], "userid": face["person"]}


def _sides(face: dict[str, Any]) -> dict[str, Any]:
    return {side: face["box"][side] for side in ("x_min", "y_min", "x_max", "y_max")}


@blueprint.post("")
@declare("recognize", "recognize")
def detect() -> dict[str, Any]:
    """The faces in a photo. They are all that this service finds: ``min_confidence`` is about another detector."""
    with in_memory():
        ((_, photo),) = _photos(photo_form(workplace().settings), most=1)
        found = collection.detected(photo)
    shown = [{"confidence": face["box"]["probability"]} | _sides(face) for face in found]
    return {"success": True, "predictions": shown}


@blueprint.post("/match")
@declare("recognize", "verify")
def match() -> dict[str, Any]:
    """How sure it is that the largest faces of two photos are of one person."""
    with in_memory():
        photos = _photos(photo_form(workplace().settings))
        if len(photos) != 2:
            raise InvalidRequest("Send two photos as the parts 'image1' and 'image2'.")
        found = collection.compared([photo for _, photo in photos])
    return {"success": True, "similarity": found["confidence"]}


@blueprint.post("/register")
@declare("build", "grow")
def register() -> dict[str, Any]:
    """Let the face that each photo is about stand for a user."""
    with in_memory():
        form = photo_form(workplace().settings)
        collection.add(_user(form.fields.to_dict()), _photos(form), collection.prominent)
    return {"success": True, "message": "face added"}


@blueprint.post("/list")
@declare("key", "people")
def list_users() -> dict[str, Any]:
    """Whoever is known."""
    return {"success": True, "faces": collection.people()}


@blueprint.post("/delete")
@declare("build", "forget")
def delete() -> dict[str, Any]:
    """Forget a user; one who is not there is none to forget."""
    with in_memory():
        sent = photo_form(workplace().settings).fields if request.mimetype == "multipart/form-data" else request.form
        user = _user(sent.to_dict())
    try:
        collection.forget(user)
    except NotFound as error:
        raise InvalidRequest(str(error)) from error
    return {"success": True}


def _photos(form: Form[Photo], most: int | None = None) -> list[tuple[str, bytes]]:
    """Names and bytes of the photos of a form: the parts ``image``, ``image1``, ``image2`` and so on."""
    sent = [photo for part, photo in form.files if part.startswith("image")]
    if not sent or (most is not None and len(sent) > most):
        raise InvalidRequest("Send a photo as the part 'image'.")
    return [(photo.name, bytes(photo.content)) for photo in sent]


def _user(sent: dict[str, str]) -> str:
    user = _fields(sent).userid
    if not user:
        raise InvalidRequest("Say who it is in the field 'userid'.")
    return user


def _fields(sent: dict[str, str]) -> _Fields:
    try:
        return _Fields.model_validate(sent)
    except ValidationError as error:
        raise InvalidRequest(sentences(error, "field", _Fields.model_fields)) from error
