"""An id for every request: in its log lines, its answer's header and its errors."""

import re
import time
import uuid
from contextlib import ExitStack

from flask import Flask, Response, g, request

from logger import about, logger

HEADER = "X-Request-ID"

#: What is said in place of a route where there is none.
NO_ROUTE = "(no route)"

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}")


def register(app: Flask) -> None:
    """Give every request of the application its id."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_leave)


def _begin() -> None:
    sent = request.headers.get(HEADER, "")
    g.request_id = sent if _ACCEPTED.fullmatch(sent) else uuid.uuid4().hex
    g.begun = time.monotonic()
    g.in_log = ExitStack()
    g.in_log.enter_context(about(g.request_id, request=g.request_id))


def _end(response: Response) -> Response:
    response.headers[HEADER] = g.request_id
    logger.info(
        "{method} {route} {status} {seconds:.3f} s",
        method=request.method,
        route=route(),
        status=response.status_code,
        seconds=round(time.monotonic() - g.begun, 6),
    )
    return response


def _leave(_: BaseException | None) -> None:
    if "in_log" in g:
        g.in_log.close()


def route() -> str:
    """The request's route, not its path or its query: these may carry a name."""
    return request.url_rule.rule if request.url_rule else NO_ROUTE
