"""The mission's routes, kept as simple as curl."""

from functools import partial
from typing import Any

from flask import Blueprint, Response
from spectree import Response as Answers

from app import actions, openapi
from app.openapi import ABSENT, WITH_FILES
from app.parameters import BuildParts, DownloadOf, Keyed, OfNewest, Photos, RecognizeWith, ReportOf, arguments
from app.schemas import Accepted, Alive, Availability, Recognition, Refusal
from app.uploads import PhotosInJson

blueprint = Blueprint("mission", __name__)

_TAGS = ("curl",)

describe = partial(openapi.describe, refusal=Refusal)


@blueprint.get("/is_alive")
@describe("nothing", resp=Answers(HTTP_200=Alive), tags=_TAGS)
def is_alive() -> dict[str, Any]:
    """Whether the web server answers."""
    return Alive().model_dump()


@blueprint.post("/build_recognizer")
@describe(
    "build",
    "build",
    headers=Keyed,
    form=BuildParts,
    resp=Answers(HTTP_202=Accepted),
    refused=(404, 409, 410, *WITH_FILES),
    tags=_TAGS,
)
def build_recognizer() -> tuple[dict[str, Any], int]:
    """Build a recognizer from the files of the part ``images``."""
    return Accepted(id=actions.build().id).model_dump(), 202


@blueprint.get("/is_available")
@describe("key", query=OfNewest, resp=Answers(HTTP_200=Availability), refused=ABSENT, tags=_TAGS)
def is_available() -> dict[str, Any]:
    """Whether the recognizer ``id``, or without it the newest one, can be used."""
    asked = arguments(OfNewest)
    return Availability.of(actions.status(asked.id, asked.version)).model_dump()


@blueprint.get("/download_recognizer")
@describe("build", "download", query=DownloadOf, refused=(*ABSENT, 409), tags=_TAGS)
def download_recognizer() -> actions.Streamed:
    """The finished recognizer ``id`` as a file of ``format``."""
    asked = arguments(DownloadOf)
    return actions.download(asked.id, asked.version, asked.format)


@blueprint.get("/report")
@describe("key", "report", query=ReportOf, refused=(*ABSENT, 409), tags=_TAGS)
def report() -> actions.Streamed:
    """How well the finished recognizer ``id`` does: a page, or as ``format=json`` its numbers."""
    asked = arguments(ReportOf)
    return actions.report(asked.id, asked.version, asked.format)


@blueprint.post("/recognize")
@describe(
    "recognize",
    "recognize",
    query=RecognizeWith,
    form=Photos,
    json=PhotosInJson,
    resp=Answers(HTTP_200=Recognition),
    refused=(*ABSENT, 409, *WITH_FILES),
    tags=_TAGS,
)
def recognize() -> dict[str, Any] | Response:
    """The faces in the photos of the part ``image``, named by the recognizer ``id``."""
    asked = arguments(RecognizeWith)
    return actions.recognize(asked.id, asked.version, bool(asked.draw))
