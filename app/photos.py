"""Photos without a recognizer: whether two show one person, and their faces' encodings."""

from typing import Any

from flask import Blueprint, g
from spectree import Response as Answers

from app import audit
from app.actions import by_file
from app.connection import client_is_there
from app.openapi import WITH_FILES, describe
from app.parameters import Nothing, Photos, Traced, TwoPhotos, TwoPhotosInJson, arguments
from app.schemas import Encodings, Verification
from app.service import broker, workplace
from app.uploads import PhotosInJson, photos_in_memory
from constants.exceptions import InvalidRequest
from preprocessor.version import pipeline_version

blueprint = Blueprint("photos", __name__, url_prefix="/v1")

_TAGS = ("photos",)
# Every request may name itself. It is said here, because openapi-python-client 0.29 makes a module that cannot be
# imported of an operation with two kinds of bodies and nothing else that may be left out.


@blueprint.post("/verify")
@describe(
    "recognize",
    "verify",
    query=Nothing,
    headers=Traced,
    form=TwoPhotos,
    json=TwoPhotosInJson,
    resp=Answers(HTTP_200=Verification),
    refused=WITH_FILES,
    tags=_TAGS,
)
def verify() -> dict[str, Any]:
    """Whether the largest faces of the two photos of the part ``image``, of a form or JSON, are of one person."""
    arguments(Nothing)
    with photos_in_memory() as sent:
        if len(sent) != 2:
            raise InvalidRequest("Send two photos, each as a part 'image': curl -F image=@one.jpg -F image=@two.jpg …")
        found = broker().verify([data for _, data in sent], g.request_id, client_is_there)
    audit.note(photos=2)
    return Verification.model_validate(found).model_dump()


@blueprint.post("/encode")
@describe(
    "encode",
    "encode",
    query=Nothing,
    headers=Traced,
    form=Photos,
    json=PhotosInJson,
    resp=Answers(HTTP_200=Encodings),
    refused=WITH_FILES,
    tags=_TAGS,
)
def encode() -> dict[str, Any]:
    """The faces in the photos of the part ``image``, of a form or JSON, with their encodings, or why there are none."""
    arguments(Nothing)
    with photos_in_memory() as sent:
        found = broker().encode([data for _, data in sent], g.request_id, client_is_there)
    audit.note(photos=len(sent), faces=sum(len(image["faces"]) for image in found))
    answer = {"pipeline_version": pipeline_version(workplace().settings), "images": by_file(sent, found)}
    return Encodings.model_validate(answer).model_dump(exclude_unset=True)
