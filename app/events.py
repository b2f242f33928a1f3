"""A build as a stream of events, for pages that show how far it is (server-sent events, WHATWG HTML)."""

import threading
import time
from collections.abc import Iterable, Iterator

from flask import Blueprint, request
from spectree import Response as Answers
from werkzeug.wsgi import ClosingIterator

from app import actions
from app.openapi import ABSENT, describe
from app.parameters import Versioned, arguments
from app.schemas import Availability
from app.service import workplace
from constants.exceptions import Erased, Overloaded
from features.database import Database
from jobs.table import builds
from jobs.table.builds import BuildStatus
from jobs.table.tables import OPEN_STATES

blueprint = Blueprint("events", __name__, url_prefix="/v1/recognizers")

_TAGS = ("recognizers",)

#: Seconds between two looks at a build, and after which a client that is gone would be noticed.
_LOOK_S, _SIGN_OF_LIFE_S = 0.5, 15.0
#: Streams of a web process: each takes one of its threads, and the others must be free for everyone else.
MOST_STREAMS = 32
_streams = threading.BoundedSemaphore(MOST_STREAMS)
#: A proxy in front would else keep events back.
_HEADERS = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
#: The id of a stream's last event: a client that comes back after it is told to stay away.
_LAST = "last"


@blueprint.get("/<recognizer_id>/events")
@describe(
    "key",
    query=Versioned,
    resp=Answers("HTTP_200", "HTTP_204"),
    refused=(*ABSENT, 503),
    tags=_TAGS,
)
def stream_events(recognizer_id: str) -> tuple[Iterable[bytes], int, dict[str, str]]:
    """What ``/is_available`` says, as an event ``progress`` whenever it changes, until ``ended``."""
    status = actions.status(recognizer_id, arguments(Versioned).version)
    if request.headers.get("Last-Event-ID") == _LAST:
        return iter(()), 204, {}
    if not _streams.acquire(blocking=False):
        raise Overloaded("Too many streams of events are open; ask /is_available instead.", retry_after_s=30)
    events = ClosingIterator(_events(workplace().database, status), _streams.release)
    return events, 200, _HEADERS


def _events(database: Database, status: BuildStatus) -> Iterator[bytes]:
    said, spoke = "", time.monotonic()
    while status.state in OPEN_STATES:
        now = Availability.of(status).model_dump_json()
        if now != said:
            said, spoke = now, time.monotonic()
            yield _event("progress", now)
        elif time.monotonic() - spoke > _SIGN_OF_LIFE_S:
            spoke = time.monotonic()
            yield b": still at it\n\n"
        time.sleep(_LOOK_S)
        try:
            status = builds.status(database, status.id, status.version)
        except Erased:
            yield _event("erased", "{}", last=True)
            return
    yield _event("ended", Availability.of(status).model_dump_json(), last=True)


def _event(name: str, data: str, last: bool = False) -> bytes:
    identity = f"id: {_LAST}\n" if last else ""
    return f"{identity}event: {name}\ndata: {data}\n\n".encode()
