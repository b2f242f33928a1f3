"""Which HTTP status each exception has, and how it is answered. No other file knows statuses of errors.

The mission's routes answer ``{"status": 1, "error": {…}}``; the resources under /v1 answer problem
details (RFC 9457). Neither ever shows a traceback.
"""

from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g, json, jsonify, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from constants.exceptions import (
    Conflict,
    Elsewhere,
    Erased,
    FacialError,
    Forbidden,
    ImageRejected,
    InvalidRequest,
    KeyReused,
    NotFound,
    NothingUsable,
    NotReady,
    Overloaded,
    QuotaExceeded,
    RequestTooLarge,
    Unauthorized,
    UnsupportedMedia,
)
from jobs.machine_faults import is_machine_fault, words_of
from logger import logger

_STATUS: dict[type[FacialError], HTTPStatus] = {
    NothingUsable: HTTPStatus.UNPROCESSABLE_ENTITY,
    ImageRejected: HTTPStatus.UNPROCESSABLE_ENTITY,
    KeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    RequestTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMedia: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    Unauthorized: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Erased: HTTPStatus.GONE,
    Elsewhere: HTTPStatus.MISDIRECTED_REQUEST,
    NotReady: HTTPStatus.CONFLICT,
    Conflict: HTTPStatus.CONFLICT,
    QuotaExceeded: HTTPStatus.TOO_MANY_REQUESTS,
    Overloaded: HTTPStatus.SERVICE_UNAVAILABLE,
}

#: Seconds after which a request may be sent again that met a full disk or a locked database.
_RETRY_AFTER_S = 10
#: How a client proves that it may come in, and that its proof is none (RFC 6750).
_CHALLENGE, _INVALID = 'Bearer realm="api-facial-recognition"', ', error="invalid_token"'
#: Bytes of a refused body that are read and dropped, so that a client still sending sees the answer.
_MOST_DROPPED = 64 << 20


def register(app: Flask) -> None:
    """Answer every exception of the application's views."""
    app.register_error_handler(FacialError, refusal)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def refusal(error: FacialError) -> Response:
    """How an exception is answered."""
    _drop_body()
    status = status_of(error)
    if status is None:
        return _unexpected(error)
    response = _problem(status, error.code, str(error), _more(error))
    if isinstance(error, Overloaded | QuotaExceeded | NotReady | Conflict) and error.retry_after_s is not None:
        response.headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = challenge(error)
    return response


def refusal_in_dialect(error: FacialError, said: dict[str, Any]) -> Response:
    """The same in the words of another service, for which a picture that cannot be used is a bad request."""
    response = refusal(error)
    response.data, response.mimetype = json.dumps(said), "application/json"
    if isinstance(error, ImageRejected):
        response.status_code = HTTPStatus.BAD_REQUEST
    return response


def status_of(error: FacialError) -> HTTPStatus | None:
    """With which status an exception is answered; None for one that no request is to blame for."""
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), None)


def challenge(error: Unauthorized) -> str:
    """How a client is asked for a key."""
    return _CHALLENGE + _INVALID if error.given else _CHALLENGE


def _more(error: FacialError) -> dict[str, Any]:
    """What is said besides the sentence."""
    if isinstance(error, NothingUsable):
        return {"rejected": error.rejected}
    if isinstance(error, Erased) and error.requested_at is not None:
        return {
            "erasure": "pending" if error.done_at is None else "done",
            "requested_at": _time(error.requested_at),
            "erased_at": None if error.done_at is None else _time(error.done_at),
        }
    return {}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _http_error(error: HTTPException) -> Response:
    """What Flask itself refuses: an unknown route, a wrong method, a body that is too large or malformed."""
    status = HTTPStatus(error.code or 500)
    if isinstance(error, RequestEntityTooLarge):
        _drop_body()
        return _problem(
            status, RequestTooLarge.code, "The request is larger than this service takes; send it in parts."
        )
    response = _problem(status, status.phrase.lower().replace(" ", "_"), _http_sentence(error, status))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _http_sentence(error: HTTPException, status: HTTPStatus) -> str:
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        methods = [method for method in sorted(error.valid_methods) if method not in ("HEAD", "OPTIONS")]
        return f"{request.method} is not for this address, which takes {' and '.join(methods)}."
    return error.description or status.description


def _unexpected(error: Exception) -> Response:
    if is_machine_fault(error):
        return _unavailable(error)
    logger.opt(exception=error).error("a request failed")
    return _problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "The service failed; its log says why, under this request's id."
    )


def _unavailable(error: Exception) -> Response:
    """What the machine would not let the service do: nothing is wrong with the request."""
    logger.warning("a request was refused by the machine: {}", words_of(error))
    _drop_body()
    response = _problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        "The service has no disk, memory or database to do this with at the moment; send the request again later.",
    )
    response.headers["Retry-After"] = str(_RETRY_AFTER_S)
    return response


def _problem(status: HTTPStatus, code: str, message: str, more: dict[str, Any] | None = None) -> Response:
    request_id = g.get("request_id", "-")
    if request.path.startswith("/v1/"):
        problem = {"type": "about:blank", "title": status.phrase, "status": status, "detail": message, "code": code}
        response = jsonify(problem | {"request_id": request_id} | (more or {}))
        response.mimetype = "application/problem+json"
    else:
        error = {"code": code, "message": message, "request_id": request_id}
        response = jsonify({"status": 1, "error": error | (more or {})})
    response.status_code = status
    return response


def _drop_body() -> None:
    """Receive what a client still sends, or it would not see the answer."""
    stream = request.environ["wsgi.input"]
    left = min(request.content_length or 0, _MOST_DROPPED)
    with suppress(Exception):  # who has gone, or is too slow, sees no answer either way
        while left > 0 and (chunk := stream.read(min(left, 1 << 20))):
            left -= len(chunk)
