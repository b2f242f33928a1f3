"""Recognizers as resources: the full interface."""

from typing import Any

from flask import Blueprint, Response, url_for
from spectree import Response as Answers

from app import actions, audit
from app.callers import caller
from app.json_lists import json_list
from app.openapi import ABSENT, CHANGING, WITH_FILES, describe
from app.parameters import (
    BuildParts,
    Compared,
    Download,
    Keyed,
    ListedImages,
    ListedRecognizers,
    Nothing,
    Photos,
    Recognize,
    Report,
    Versioned,
    arguments,
)
from app.schemas import (
    AcceptedRecognizer,
    Comparison,
    ErasureAnswer,
    ErasureList,
    ImageAnswer,
    ImageList,
    Recognition,
    RecognizerAnswer,
    RecognizerList,
)
from app.service import workplace
from app.uploads import PhotosInJson
from jobs.table import builds, contents
from jobs.table.contents import Wanted
from jobs.versions import comparing, erasing, erasures

blueprint = Blueprint("recognizers", __name__, url_prefix="/v1/recognizers")

_TAGS = ("recognizers",)


@blueprint.get("")
@describe("key", query=ListedRecognizers, resp=Answers(HTTP_200=RecognizerList), tags=_TAGS)
def list_recognizers() -> dict[str, Any]:
    """The recognizers of the caller's, the newest first."""
    asked = arguments(ListedRecognizers)
    page = builds.listed(workplace().database, caller().tenant, asked.part, asked.name, asked.state)
    found = [RecognizerAnswer.of(status) for status in page.items]
    return RecognizerList(recognizers=found, total=page.total).model_dump(mode="json")


@blueprint.post("")
@describe(
    "build",
    "build",
    headers=Keyed,
    form=BuildParts,
    resp=Answers(HTTP_202=AcceptedRecognizer),
    refused=(404, 409, 410, *WITH_FILES),
    tags=_TAGS,
)
def create_recognizer() -> tuple[dict[str, Any], int, dict[str, str]]:
    """Build a recognizer from the files of the part ``images``."""
    status = actions.build()
    where = url_for("recognizers.show_recognizer", recognizer_id=status.id)
    return actions.accepted(status), 202, {"Location": where}


@blueprint.get("/<recognizer_id>")
@describe(
    "key",
    query=Versioned,
    resp=Answers(HTTP_200=RecognizerAnswer),
    refused=ABSENT,
    tags=_TAGS,
)
def show_recognizer(recognizer_id: str) -> dict[str, Any]:
    """A recognizer: how far its build is, and once it is ready, whom it knows and how well."""
    return RecognizerAnswer.of(actions.status(recognizer_id, arguments(Versioned).version)).model_dump(mode="json")


@blueprint.delete("/<recognizer_id>")
@describe("build", "delete", query=Versioned, resp=Answers("HTTP_204"), refused=(*ABSENT, *CHANGING), tags=_TAGS)
def delete_recognizer(recognizer_id: str) -> tuple[str, int]:
    """Cancel its build if there is one, and delete everything of it, or of one version if that is named."""
    here, version = workplace(), arguments(Versioned).version
    if version is None:
        erasing.erase(here.database, here.storage, recognizer_id)
    else:
        audit.note(version=version)
        erasing.erase_version(here.database, here.storage, recognizer_id, version)
    return "", 204


@blueprint.get("/<recognizer_id>/erasures")
@describe("key", "erasures", query=Nothing, resp=Answers(HTTP_200=ErasureList), refused=ABSENT, tags=_TAGS)
def list_erasures(recognizer_id: str) -> dict[str, Any]:
    """What was deleted of a recognizer, which may be gone by now, and whether something of it may still be left."""
    arguments(Nothing)
    found = [ErasureAnswer.of(erasure) for erasure in erasures.of_recognizer(workplace().database, recognizer_id)]
    return ErasureList(id=recognizer_id, erasures=found).model_dump(mode="json")


@blueprint.post("/<recognizer_id>/retry")
@describe(
    "build",
    "retry",
    query=Nothing,
    headers=Keyed,
    resp=Answers(HTTP_202=RecognizerAnswer),
    refused=(*ABSENT, *CHANGING, 422),
    tags=_TAGS,
)
def retry_build(recognizer_id: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Try again what was given up, from what is kept: a failed training, or pictures that could not be worked on."""
    arguments(Nothing)
    status = actions.retry(recognizer_id)
    where = url_for("recognizers.show_recognizer", recognizer_id=recognizer_id, version=status.version)
    return RecognizerAnswer.of(status).model_dump(mode="json"), 202, {"Location": where}


@blueprint.get("/<recognizer_id>/images")
@describe("key", "images", query=ListedImages, resp=Answers(HTTP_200=ImageList), refused=(*ABSENT, 409), tags=_TAGS)
def list_images(recognizer_id: str) -> actions.Streamed:
    """What became of every file, with a reason where it was not used."""
    asked = arguments(ListedImages)
    wanted = Wanted(asked.label, asked.state, asked.reason)
    found, total = contents.listed_images(workplace().database, recognizer_id, asked.version, asked.part, wanted)
    return json_list(recognizer_id, "images", map(ImageAnswer.model_validate, found), total)


@blueprint.get("/<recognizer_id>/compare")
@describe(
    "key",
    "compare",
    query=Compared,
    resp=Answers(HTTP_200=Comparison),
    refused=(*ABSENT, 409),
    tags=_TAGS,
)
def compare_versions(recognizer_id: str) -> dict[str, Any]:
    """What changed between two versions: people, their faces, and how well each version does."""
    asked = arguments(Compared)
    found = comparing.compare(workplace().database, recognizer_id, asked.before, asked.after)
    return Comparison.model_validate(found).model_dump(by_alias=True)


@blueprint.get("/<recognizer_id>/model")
@describe("build", "download", query=Download, refused=(*ABSENT, 409), tags=_TAGS)
def download_model(recognizer_id: str) -> actions.Streamed:
    """The finished recognizer as a file of ``format``."""
    asked = arguments(Download)
    return actions.download(recognizer_id, asked.version, asked.format)


@blueprint.get("/<recognizer_id>/report")
@describe("key", "report", query=Report, refused=(*ABSENT, 409), tags=_TAGS)
def show_report(recognizer_id: str) -> actions.Streamed:
    """How well the finished recognizer does: a page, or as ``format=json`` its numbers."""
    asked = arguments(Report)
    return actions.report(recognizer_id, asked.version, asked.format)


@blueprint.post("/<recognizer_id>/recognize")
@describe(
    "recognize",
    "recognize",
    query=Recognize,
    form=Photos,
    json=PhotosInJson,
    resp=Answers(HTTP_200=Recognition),
    refused=(*ABSENT, 409, *WITH_FILES),
    tags=_TAGS,
)
def recognize_photos(recognizer_id: str) -> dict[str, Any] | Response:
    """The faces in the photos of the part ``image``, with names."""
    asked = arguments(Recognize)
    return actions.recognize(recognizer_id, asked.version, bool(asked.draw))
