"""Recognizers as resources: the full interface."""

from typing import Any

from flask import Blueprint, Response, url_for
from spectree import Response as Answers

from app import actions
from app.openapi import describe
from app.parameters import BuildParts, Compared, Download, Photos, Recognize, Report, Versioned
from app.schemas import Comparison, ImageList, Problem, Recognition, RecognizerAnswer, RecognizerList

blueprint = Blueprint("recognizers", __name__, url_prefix="/v1/recognizers")

_TAGS = ("recognizers",)


@blueprint.get("")
@describe(resp=Answers(HTTP_200=RecognizerList), tags=_TAGS)
def list_recognizers() -> dict[str, Any]:
    """Every recognizer, the newest first."""
    found = [RecognizerAnswer.of(status) for status in actions.jobs().listing()]
    return RecognizerList(recognizers=found).model_dump(mode="json")


@blueprint.post("")
@describe(
    form=BuildParts,
    resp=Answers(HTTP_202=RecognizerAnswer, HTTP_400=Problem, HTTP_422=Problem),
    tags=_TAGS,
)
def create_recognizer() -> tuple[dict[str, Any], int, dict[str, str]]:
    """Build a recognizer from the files of the part ``images``."""
    status = actions.build()
    where = url_for("recognizers.show_recognizer", recognizer_id=status.id)
    return RecognizerAnswer.of(status).model_dump(mode="json"), 202, {"Location": where}


@blueprint.get("/<recognizer_id>")
@describe(
    query=Versioned,
    resp=Answers(HTTP_200=RecognizerAnswer, HTTP_404=Problem, HTTP_410=Problem),
    tags=_TAGS,
)
def show_recognizer(recognizer_id: str) -> dict[str, Any]:
    """A recognizer: how far its build is, and once it is ready, whom it knows and how well."""
    return RecognizerAnswer.of(actions.jobs().status(recognizer_id, actions.version())).model_dump(mode="json")


@blueprint.delete("/<recognizer_id>")
@describe(query=Versioned, resp=Answers("HTTP_204", HTTP_404=Problem, HTTP_410=Problem), tags=_TAGS)
def delete_recognizer(recognizer_id: str) -> tuple[str, int]:
    """Cancel its build if there is one, and delete everything of it, or of one version if that is named."""
    actions.jobs().erase(recognizer_id, actions.version())
    return "", 204


@blueprint.get("/<recognizer_id>/images")
@describe(query=Versioned, resp=Answers(HTTP_200=ImageList, HTTP_404=Problem), tags=_TAGS)
def list_images(recognizer_id: str) -> dict[str, Any]:
    """What became of every file, with a reason where it was not used."""
    found = actions.jobs().images(recognizer_id, actions.version())
    return ImageList.model_validate({"id": recognizer_id, "images": found}).model_dump()


@blueprint.get("/<recognizer_id>/compare")
@describe(
    query=Compared,
    resp=Answers(HTTP_200=Comparison, HTTP_404=Problem, HTTP_409=Problem),
    tags=_TAGS,
)
def compare_versions(recognizer_id: str) -> dict[str, Any]:
    """What changed between two versions: people, their faces, and how well each version does."""
    one, other = actions.version("from"), actions.version("to")
    return Comparison.model_validate(actions.jobs().compare(recognizer_id, one, other)).model_dump(by_alias=True)


@blueprint.get("/<recognizer_id>/model")
@describe(query=Download, tags=_TAGS)
def download_model(recognizer_id: str) -> actions.Streamed:
    """The finished recognizer as a file of ``format``."""
    return actions.download(recognizer_id)


@blueprint.get("/<recognizer_id>/report")
@describe(query=Report, tags=_TAGS)
def show_report(recognizer_id: str) -> actions.Streamed:
    """How well the finished recognizer does: a page, or as ``format=json`` its numbers."""
    return actions.report(recognizer_id)


@blueprint.post("/<recognizer_id>/recognize")
@describe(
    query=Recognize,
    form=Photos,
    resp=Answers(HTTP_200=Recognition, HTTP_409=Problem, HTTP_422=Problem),
    tags=_TAGS,
)
def recognize(recognizer_id: str) -> dict[str, Any] | Response:
    """The faces in the photos of the part ``image``, with names."""
    return actions.recognise(recognizer_id)
