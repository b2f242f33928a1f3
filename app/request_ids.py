"""An id for every request: in its log lines, its answer's header and its errors."""

import re
import time
import uuid

from flask import Flask, Response, g, request

from logger import about, logger

HEADER = "X-Request-ID"

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}")


def register(app: Flask) -> None:
    """Give every request of the application its id."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    sent = request.headers.get(HEADER, "")
    g.request_id = sent if _ACCEPTED.fullmatch(sent) else uuid.uuid4().hex
    g.begun = time.monotonic()


def _end(response: Response) -> Response:
    response.headers[HEADER] = g.request_id
    with about(g.request_id):
        # The route, not the path or the query: they may carry a name.
        route = request.url_rule.rule if request.url_rule else "(no route)"
        logger.info("{} {} {} {:.3f} s", request.method, route, response.status_code, time.monotonic() - g.begun)
    return response
