"""Files that are sent in pieces, by the protocol tus 1.0 (https://tus.io/protocols/resumable-upload)."""

import base64
import binascii
from email.utils import formatdate
from typing import Any

from flask import Blueprint, Response, request, url_for
from spectree import Response as Answers
from werkzeug.exceptions import PreconditionFailed

from app.callers import caller
from app.openapi import describe
from app.parameters import Nothing, PieceParts, UploadParts, arguments, is_number
from app.schemas import UploadAnswer
from app.service import workplace
from constants.exceptions import InvalidRequest, RequestTooLarge, UnsupportedMedia
from jobs.intake.pieced_uploads import PiecedUpload, PiecedUploads
from jobs.table.admission import refuse_full_disk

blueprint = Blueprint("pieces", __name__, url_prefix="/v1/uploads")

_TAGS = ("uploads",)
_VERSION = "1.0.0"
_EXTENSIONS = "creation,expiration,termination"
#: What a piece is sent as: as the protocol wants it, or as other programs know it.
_PROTOCOLS, _ANY_FILE = "application/offset+octet-stream", "application/octet-stream"
#: Digits of a number of bytes, more than any disk has.
_MAX_DIGITS = 15


@blueprint.post("")
@describe(
    "build",
    query=Nothing,
    headers=UploadParts,
    resp=Answers(HTTP_201=UploadAnswer),
    refused=(412, 413, 503),
    tags=_TAGS,
)
def begin_upload() -> tuple[dict[str, Any], int, dict[str, str]]:
    """Begin an upload of `Upload-Length` bytes; its pieces are sent to the address in `Location`."""
    arguments(Nothing)
    length, here = _number("Upload-Length"), workplace()
    if length == 0:
        raise InvalidRequest("The header Upload-Length says 0 bytes; there is nothing to send.")
    if length > here.settings.max_request_mb << 20:
        raise RequestTooLarge(f"A file may have {here.settings.max_request_mb} MiB; send more of them.")
    refuse_full_disk(here.settings.data_dir, length)
    upload = _uploads().begin(caller().tenant, _file_name(), length)
    where = url_for("pieces.show_upload", upload_id=upload.id)
    return UploadAnswer.of(upload), 201, {"Location": where} | _headers(upload)


@blueprint.get("/<upload_id>")
@describe("build", query=Nothing, resp=Answers(HTTP_200=UploadAnswer), refused=(404, 412), tags=_TAGS)
def show_upload(upload_id: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    """How much of an upload has arrived; with HEAD in the header `Upload-Offset`."""
    arguments(Nothing)
    upload = _uploads().find(caller().tenant, upload_id)
    return UploadAnswer.of(upload), 200, _headers(upload)


@blueprint.patch("/<upload_id>")
@describe(
    "build",
    query=Nothing,
    headers=PieceParts,
    body=_ANY_FILE,
    resp=Answers("HTTP_204"),
    refused=(404, 409, 412, 413, 415, 503),
    tags=_TAGS,
)
def send_piece(upload_id: str) -> tuple[str, int, dict[str, str]]:
    """Add the next piece, the request's body; what arrives of it before it breaks off stays."""
    arguments(Nothing)
    if request.mimetype not in (_PROTOCOLS, _ANY_FILE):
        raise UnsupportedMedia(f"Send a piece as {_PROTOCOLS}.")
    if request.content_length is None:
        raise InvalidRequest("Send the request with its length: leave the header 'Transfer-Encoding: chunked' out.")
    offset, size = _number("Upload-Offset"), request.content_length
    refuse_full_disk(workplace().settings.data_dir, size)
    upload = _uploads().append(caller().tenant, upload_id, offset, size, request.stream)
    return "", 204, _headers(upload)


@blueprint.delete("/<upload_id>")
@describe("build", query=Nothing, resp=Answers("HTTP_204"), refused=(404, 412), tags=_TAGS)
def delete_upload(upload_id: str) -> tuple[str, int]:
    """Delete what has arrived of an upload."""
    arguments(Nothing)
    _uploads().delete(caller().tenant, upload_id)
    return "", 204


@blueprint.before_request
def _refuse_other_versions() -> None:
    """A client may leave its version out, as curl does; another one is refused, as the protocol wants it."""
    if request.headers.get("Tus-Resumable", _VERSION) != _VERSION:
        raise PreconditionFailed(f"This service speaks tus {_VERSION}.")


@blueprint.after_request
def _say_what_is_spoken(response: Response) -> Response:
    response.headers["Tus-Resumable"] = response.headers["Tus-Version"] = _VERSION
    response.headers["Tus-Extension"] = _EXTENSIONS
    response.headers["Tus-Max-Size"] = str(workplace().settings.max_request_mb << 20)
    return response


def _uploads() -> PiecedUploads:
    return PiecedUploads(workplace().storage.pieces)


def _headers(upload: PiecedUpload) -> dict[str, str]:
    return {
        "Upload-Offset": str(upload.offset),
        "Upload-Length": str(upload.length),
        "Upload-Expires": formatdate(upload.expires_at, usegmt=True),
    }


def _number(header: str) -> int:
    """The bytes that a header of the request at hand says."""
    said = request.headers.get(header, "")
    if not is_number(said, _MAX_DIGITS):
        raise InvalidRequest(f"The header {header} says no number of bytes.")
    return int(said)


def _file_name() -> str:
    """What the file is called, by the header of pairs of a key and, in base64, a value."""
    pairs = (pair.strip().partition(" ") for pair in request.headers.get("Upload-Metadata", "").split(","))
    encoded = next((value for key, _, value in pairs if key == "filename"), "")
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidRequest(
            "The header Upload-Metadata holds no name: 'filename', a space, the name in base64."
        ) from error
