"""The mission's routes, kept as simple as curl."""

from typing import Any

from flask import Blueprint, Response, request
from spectree import Response as Answers

from app import actions
from app.openapi import spec
from app.schemas import Accepted, Alive, Availability, Recognition
from constants.exceptions import InvalidRequest

blueprint = Blueprint("mission", __name__)

_TAGS = ("curl",)


@blueprint.get("/is_alive")
@spec.validate(resp=Answers(HTTP_200=Alive), tags=_TAGS, skip_validation=True)
def is_alive() -> dict[str, Any]:
    """Whether the web server answers."""
    return Alive().model_dump()


@blueprint.post("/build_recognizer")
@spec.validate(resp=Answers(HTTP_202=Accepted), tags=_TAGS, skip_validation=True)
def build_recognizer() -> tuple[dict[str, Any], int]:
    """Build a recognizer from the files of the part ``images``."""
    return Accepted(id=actions.build().id).model_dump(), 202


@blueprint.get("/is_available")
@spec.validate(resp=Answers(HTTP_200=Availability), tags=_TAGS, skip_validation=True)
def is_available() -> dict[str, Any]:
    """Whether the recognizer ``id``, or without it the newest one, can be used."""
    return Availability.of(actions.jobs().status(request.args.get("id"), actions.version())).model_dump()


@blueprint.get("/download_recognizer")
@spec.validate(tags=_TAGS, skip_validation=True)
def download_recognizer() -> actions.Streamed:
    """The finished recognizer ``id`` as a file of ``format``."""
    return actions.download(_id(), request.args.get("format", "bundle"))


@blueprint.get("/report")
@spec.validate(tags=_TAGS, skip_validation=True)
def report() -> actions.Streamed:
    """How well the finished recognizer ``id`` does: a page, or as ``format=json`` its numbers."""
    return actions.report(_id(), request.args.get("format", "html"))


@blueprint.post("/recognize")
@spec.validate(resp=Answers(HTTP_200=Recognition), tags=_TAGS, skip_validation=True)
def recognize() -> dict[str, Any] | Response:
    """The faces in the photos of the part ``image``, named by the recognizer ``id``."""
    return actions.recognise(_id())


def _id() -> str:
    recognizer_id = request.args.get("id")
    if not recognizer_id:
        raise InvalidRequest("Say which recognizer: add ?id=… with the id that /build_recognizer gave.")
    return recognizer_id
