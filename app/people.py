"""The people of a recognizer as resources: looked at, added, renamed, forgotten."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, request, url_for
from pydantic import ValidationError
from spectree import Response as Answers

from app import actions, audit
from app.openapi import ABSENT, CHANGING, WITH_FILES, describe
from app.parameters import GrowParts, Keyed, Nothing, Versioned, arguments
from app.schemas import PersonChange, PersonList, ReceiptAnswer, RecognizerAnswer
from app.service import broker, workplace
from constants.exceptions import InvalidRequest
from jobs.intake.labels import clean_label
from jobs.table import contents
from jobs.table.builds import BuildStatus
from jobs.versions import forgetting, relabelling

blueprint = Blueprint("people", __name__, url_prefix="/v1/recognizers/<recognizer_id>/people")

_TAGS = ("people",)

#: Bytes of JSON: two thousand faces of a person, by the names of their files.
_MAX_CHANGE_BYTES = 64 << 10


@blueprint.get("")
@describe("key", "people", query=Versioned, resp=Answers(HTTP_200=PersonList), refused=(*ABSENT, 409), tags=_TAGS)
def list_people(recognizer_id: str) -> dict[str, Any]:
    """Everybody whom a version was made of, with what is probably wrong with their pictures."""
    found = contents.people(workplace().database, recognizer_id, arguments(Versioned).version)
    return PersonList.model_validate({"id": recognizer_id, "people": found}).model_dump()


@blueprint.post("")
@describe(
    "build",
    "grow",
    headers=Keyed,
    form=GrowParts,
    resp=Answers(HTTP_202=RecognizerAnswer),
    refused=(*ABSENT, *CHANGING, *WITH_FILES),
    tags=_TAGS,
)
def add_people(recognizer_id: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Make a version with more pictures, of new people or of known ones, from the files of the part ``images``."""
    return _accepted(actions.grow(recognizer_id))


@blueprint.patch("/<path:label>")
@describe(
    "build",
    "rename",
    query=Nothing,
    json=PersonChange,
    resp=Answers(HTTP_202=RecognizerAnswer),
    refused=(*ABSENT, *CHANGING, 413),
    tags=_TAGS,
)
def change_person(recognizer_id: str, label: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Make a version in which a person, or only some faces of the person, have another label."""
    arguments(Nothing)
    actions.status(recognizer_id, None)  # asked first: nothing is received for what is not there
    change = _change()
    new = clean_label(change.label)
    if new is None:
        raise InvalidRequest("The new label is empty.")
    version = relabelling.relabel(workplace().database, recognizer_id, label, new, change.faces)
    broker().wake()
    audit.note(version=version)
    return _accepted(actions.status(recognizer_id, version))


@blueprint.delete("/<path:label>")
@describe(
    "build",
    "forget",
    query=Nothing,
    resp=Answers(HTTP_202=ReceiptAnswer),
    refused=(*ABSENT, *CHANGING),
    tags=_TAGS,
)
def forget_person(recognizer_id: str, label: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Erase a person and every version built with the person, and make a version without."""
    arguments(Nothing)
    here = workplace()
    receipt = forgetting.forget(here.database, here.storage, recognizer_id, label)
    broker().wake()
    audit.note(version=receipt.version, versions=len(receipt.versions), faces=receipt.faces)
    answer = ReceiptAnswer.model_validate(asdict(receipt))
    return answer.model_dump(mode="json"), 202, _location(recognizer_id, receipt.version)


def _accepted(status: BuildStatus) -> tuple[dict[str, Any], int, dict[str, str]]:
    return RecognizerAnswer.of(status).model_dump(mode="json"), 202, _location(status.id, status.version)


def _location(recognizer_id: str, version: int) -> dict[str, str]:
    return {"Location": url_for("recognizers.show_recognizer", recognizer_id=recognizer_id, version=version)}


def _change() -> PersonChange:
    request.max_content_length = _MAX_CHANGE_BYTES
    try:
        return PersonChange.model_validate(request.get_json(silent=True))
    except ValidationError as error:
        raise InvalidRequest(
            'Send JSON with the new label, {"label": "Ada"}, and to change some of the faces only, '
            '"faces": [[file, face], …], each file by its number or name.'
        ) from error
