"""Several corrections of a recognizer's people at once, which make one new version."""

from typing import Any

from flask import Blueprint
from spectree import Response as Answers

from app import actions, audit
from app.openapi import ABSENT, CHANGING, describe
from app.parameters import Nothing, arguments
from app.people import accepted, sent_json
from app.schemas import Corrections, RecognizerAnswer
from app.service import broker, workplace
from constants.exceptions import InvalidRequest
from jobs.intake.labels import clean_label
from jobs.versions import relabelling
from jobs.versions.relabelling import Correction

blueprint = Blueprint("corrections", __name__, url_prefix="/v1/recognizers/<recognizer_id>/corrections")

#: Bytes of JSON: ten thousand faces by the numbers of their files.
_MAX_BYTES = 256 << 10
_CORRECTIONS = (
    'Send JSON such as {"corrections": [{"person": "Ada", "label": "Eve", "faces": [[3, 0]]}]}: a label of '
    "null leaves out, and without faces it is about the whole person."
)


@blueprint.post("")
@describe(
    "build",
    "rename",
    query=Nothing,
    json=Corrections,
    resp=Answers(HTTP_202=RecognizerAnswer),
    refused=(*ABSENT, *CHANGING, 413),
    tags=("people",),
)
def correct_people(recognizer_id: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Make a version in which people, or some of their faces, have other labels or are left out."""
    arguments(Nothing)
    actions.status(recognizer_id, None)  # asked first: nothing is received for what is not there
    sent = sent_json(Corrections, _MAX_BYTES, _CORRECTIONS)
    corrections = [Correction(one.person, _label(one.label), one.faces) for one in sent.corrections]
    version = relabelling.relabel(workplace().database, recognizer_id, corrections)
    broker().wake()
    audit.note(version=version, corrections=len(corrections))
    return accepted(actions.status(recognizer_id, version))


def _label(sent: str | None) -> str | None:
    if sent is None:
        return None
    label = clean_label(sent)
    if label is None:
        raise InvalidRequest("A new label is empty; null leaves out.")
    return label
