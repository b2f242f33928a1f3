"""The connection that a request came by: how long its client may take to send it, and whether the client is there."""

import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import Flask

from constants.exceptions import InvalidRequest
from constants.settings import Settings

try:
    import uwsgi  # it is there within uWSGI alone
except ImportError:
    uwsgi = None

#: Bytes that a client must have sent, and the seconds it has for them: 2 KiB a second at least.
_PIECE_BYTES, _PIECE_S = 1 << 16, 30.0
#: Seconds between two looks at who is late.
_LOOK_S = 1.0


@dataclass(frozen=True)
class _Awaited:
    """A piece of a request that is awaited: by which connection, and until when."""

    connection: int
    until: float


class _Patience:
    """Ends connections whose clients take too long; whoever waits for them then hears that they are gone."""

    def __init__(self) -> None:
        self._awaited: set[_Awaited] = set()
        self._lock = threading.Lock()
        self._running = False

    def begin(self, awaited: _Awaited) -> None:
        with self._lock:
            self._awaited.add(awaited)
            if not self._running:
                self._running = True
                threading.Thread(target=self._look, daemon=True, name="patience").start()

    def end(self, awaited: _Awaited) -> None:
        with self._lock:
            self._awaited.discard(awaited)

    def _look(self) -> None:
        while True:
            time.sleep(_LOOK_S)
            now = time.monotonic()
            with self._lock:  # so that no connection is another's by the time it is ended
                for awaited in self._awaited:
                    if now > awaited.until:
                        _end(awaited.connection)


_patience = _Patience()


def _end(connection: int) -> None:
    with socket.socket(fileno=os.dup(connection)) as duplicate:
        try:
            duplicate.shutdown(socket.SHUT_RDWR)
        except OSError:  # it has ended by itself
            return


class _Body:
    """A request's body as WSGI has it, of which each piece must arrive in time, and all of it."""

    def __init__(self, body: Any, connection: int, until: float) -> None:
        self._body = body
        self._connection = connection
        self._until = until

    def read(self, size: int = -1) -> bytes:
        """So many bytes, or all. Raises ``InvalidRequest`` where the client is gone, or too slow."""
        pieces = []
        while size:
            piece = self._piece(_PIECE_BYTES if size < 0 else min(size, _PIECE_BYTES))
            pieces.append(piece)
            size -= len(piece) if size > 0 else 0
            if not piece:
                break
        return b"".join(pieces)

    def _piece(self, size: int) -> bytes:
        awaited = _Awaited(self._connection, min(time.monotonic() + _PIECE_S, self._until))
        _patience.begin(awaited)
        try:
            return bytes(self._body.read(size))
        except OSError as error:
            raise InvalidRequest("The request did not arrive in time; send it again, or over a faster line.") from error
        finally:
            _patience.end(awaited)


class _Chunks:
    """A body that is sent in chunks, without its length, as uWSGI hands it out."""

    def __init__(self) -> None:
        self._rest = b""

    def read(self, size: int) -> bytes:
        """So many bytes at most; none at the end."""
        if not self._rest:
            self._rest = uwsgi.chunked_read()
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


def register(app: Flask, settings: Settings) -> None:
    """Let no request of an application take longer to arrive than it may."""
    if uwsgi is not None:
        app.wsgi_app = _watched(app.wsgi_app, settings.request_timeout_s)  # type: ignore[method-assign]


def _watched(wsgi: Callable[..., Iterable[bytes]], seconds: float) -> Callable[..., Iterable[bytes]]:
    def watched(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"]
        if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
            body, environ["wsgi.input_terminated"] = _Chunks(), True
        environ["wsgi.input"] = _Body(body, uwsgi.connection_fd(), time.monotonic() + seconds)
        return wsgi(environ, start_response)

    return watched


def client_is_there() -> bool:
    """Whether the client of the request at hand still waits for the answer."""
    if uwsgi is None or not hasattr(select, "POLLRDHUP"):
        return True
    waiting = select.poll()
    waiting.register(uwsgi.connection_fd(), select.POLLRDHUP)
    return not waiting.poll(0)
