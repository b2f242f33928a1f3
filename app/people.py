"""The people of a recognizer as resources: looked at, added, renamed, forgotten."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from flask import Blueprint, request, url_for
from pydantic import BaseModel, ValidationError
from spectree import Response as Answers

from app import actions, audit
from app.openapi import ABSENT, CHANGING, WITH_FILES, describe
from app.parameters import GrowParts, Keyed, ListedPeople, Nothing, OfPerson, arguments
from app.schemas import AcceptedRecognizer, PersonChange, PersonList, ReceiptAnswer, RecognizerAnswer
from app.service import broker, workplace
from constants.exceptions import InvalidRequest
from jobs.intake.labels import clean_label
from jobs.table import contents
from jobs.table.builds import BuildStatus
from jobs.table.contents import FoundPerson
from jobs.table.pages import Page
from jobs.versions import forgetting, relabelling
from jobs.versions.relabelling import Correction

blueprint = Blueprint("people", __name__, url_prefix="/v1/recognizers/<recognizer_id>/people")

_TAGS = ("people",)

#: Bytes of JSON: two thousand faces of a person, by the names of their files.
_MAX_CHANGE_BYTES = 64 << 10
_CHANGE = (
    'Send JSON with the new label, {"label": "Ada"}, and to change some of the faces only, '
    '"faces": [[file, face], …], each file by its number or name.'
)

_Sent = TypeVar("_Sent", bound=BaseModel)


@blueprint.get("")
@describe("key", "people", query=ListedPeople, resp=Answers(HTTP_200=PersonList), refused=(*ABSENT, 409), tags=_TAGS)
def list_people(recognizer_id: str) -> dict[str, Any]:
    """Everybody whom a version was made of, with what is probably wrong with their pictures."""
    asked = arguments(ListedPeople)
    page = asked_for(asked, contents.people(workplace().database, recognizer_id, asked.version))
    return PersonList.model_validate({"id": recognizer_id, "people": page.items, "total": page.total}).model_dump()


def asked_for(asked: ListedPeople, found: Sequence[FoundPerson]) -> Page[FoundPerson]:
    """Those of some people who are asked for."""
    sought = (asked.label or "").casefold()
    return asked.part.of([person for person in found if sought in person.label.casefold()])


@blueprint.post("")
@describe(
    "build",
    "grow",
    headers=Keyed,
    form=GrowParts,
    resp=Answers(HTTP_202=AcceptedRecognizer),
    refused=(*ABSENT, *CHANGING, *WITH_FILES),
    tags=_TAGS,
)
def add_people(recognizer_id: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Make a version with more pictures, of new people or of known ones, from the files of the part ``images``."""
    status = actions.grow(recognizer_id)
    return actions.accepted(status), 202, _location(status.id, status.version)


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
    return _change_person(recognizer_id, label)


@blueprint.patch("")
@describe(
    "build",
    "rename",
    query=OfPerson,
    json=PersonChange,
    resp=Answers(HTTP_202=RecognizerAnswer),
    refused=(*ABSENT, *CHANGING, 413),
    tags=_TAGS,
)
def change_person_named(recognizer_id: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    """The same for a label that an address cannot end in, such as ``/`` or ``..``."""
    return _change_person(recognizer_id, arguments(OfPerson).label)


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
    return _forget_person(recognizer_id, label)


@blueprint.delete("")
@describe(
    "build",
    "forget",
    query=OfPerson,
    resp=Answers(HTTP_202=ReceiptAnswer),
    refused=(*ABSENT, *CHANGING),
    tags=_TAGS,
)
def forget_person_named(recognizer_id: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    """The same for a label that an address cannot end in, such as ``/`` or ``..``."""
    return _forget_person(recognizer_id, arguments(OfPerson).label)


def _change_person(recognizer_id: str, label: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    actions.status(recognizer_id, None)  # asked first: nothing is received for what is not there
    change = sent_json(PersonChange, _MAX_CHANGE_BYTES, _CHANGE)
    new = clean_label(change.label)
    if new is None:
        raise InvalidRequest("The new label is empty.")
    version = relabelling.relabel(workplace().database, recognizer_id, [Correction(label, new, change.faces)])
    broker().wake()
    audit.note(version=version)
    return accepted(actions.status(recognizer_id, version))


def _forget_person(recognizer_id: str, label: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    here = workplace()
    receipt = forgetting.forget(here.database, here.storage, recognizer_id, label)
    broker().wake()
    audit.note(version=receipt.version, versions=len(receipt.versions), faces=receipt.faces)
    answer = ReceiptAnswer.model_validate(asdict(receipt))
    return answer.model_dump(mode="json"), 202, _location(recognizer_id, receipt.version)


def accepted(status: BuildStatus) -> tuple[dict[str, Any], int, dict[str, str]]:
    """The answer to a change that makes a version."""
    return RecognizerAnswer.of(status).model_dump(mode="json"), 202, _location(status.id, status.version)


def _location(recognizer_id: str, version: int) -> dict[str, str]:
    return {"Location": url_for("recognizers.show_recognizer", recognizer_id=recognizer_id, version=version)}


def sent_json(model: type[_Sent], most_bytes: int, otherwise: str) -> _Sent:
    """The JSON that a request brings. Raises ``InvalidRequest``, which says what to send, for any other body."""
    request.max_content_length = most_bytes
    try:
        return model.model_validate(request.get_json(silent=True))
    except ValidationError as error:
        raise InvalidRequest(otherwise) from error
