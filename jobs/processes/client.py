"""What the web side uses of the jobs: the table for what lasts, and the dispatcher for what cannot wait.

Nothing here, nor what it imports, loads OpenCV, dlib, TensorFlow or ONNX Runtime.
"""

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import zmq
from sqlalchemy import select

from constants.exceptions import FacialError, NotFound, NotReady, Overloaded
from constants.settings import Settings
from features.database import Database
from jobs.processes import messages
from jobs.processes.messages import Message
from jobs.storage import Storage
from jobs.table import builds, contents, counting
from jobs.table.build_options import BuildOptions
from jobs.table.builds import BuildStatus, Upload
from jobs.table.contents import FoundPerson, SentImage
from jobs.table.counting import Counts
from jobs.versions import comparing, erasing, forgetting, growing, relabelling
from jobs.versions.comparing import Comparison
from jobs.versions.forgetting import Receipt
from jobs.workplace import Workplace

#: Seconds that a look at the dispatcher's health waits.
_PING_S = 2.0
#: Milliseconds that a new socket has to be connected to a dispatcher that is there.
_CONNECT_MS = 100

_ERRORS = {error.code: error for error in (NotFound, NotReady)}


class JobsClient:
    """A web process' way to the jobs; its threads may share it.

    Nothing is opened before the first use, so it can be made before a server forks.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._numbers = count()
        self._threads = threading.local()
        self._lock = threading.Lock()
        self._opened: Workplace | None = None
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None

    @property
    def storage(self) -> Storage:
        return self._workplace.storage

    @property
    def _database(self) -> Database:
        return self._workplace.database

    @property
    def _workplace(self) -> Workplace:
        with self._lock:
            if self._opened is None:
                self._opened = Workplace.of(self._settings)
            return self._opened

    def close(self) -> None:
        """Close what was opened; the client is not used afterwards."""
        with self._lock:
            if self._context is not None:
                self._context.destroy(linger=0)
            if self._opened is not None:
                self._opened.database.close()

    def submit(self, uploads: Sequence[Upload], options: BuildOptions) -> BuildStatus:
        """Accept a build. Raises as ``builds.submit`` does."""
        recognizer_id = builds.submit(self._database, self.storage, uploads, options, self._settings.max_queued_builds)
        self._wake()
        return self.status(recognizer_id)

    def grow(self, recognizer_id: str, uploads: Sequence[Upload]) -> BuildStatus:
        """Accept a version with more pictures. Raises as ``growing.grow`` does."""
        most = self._settings.max_queued_builds
        version = growing.grow(self._database, self.storage, recognizer_id, uploads, most)
        self._wake()
        return self.status(recognizer_id, version)

    def relabel(
        self, recognizer_id: str, label: str, new: str, faces: Sequence[tuple[int | str, int]] | None
    ) -> BuildStatus:
        """Accept a version in which a person, or some of the faces, are called anew. Raises as ``growing`` does."""
        version = relabelling.relabel(self._database, recognizer_id, label, new, faces)
        self._wake()
        return self.status(recognizer_id, version)

    def forget(self, recognizer_id: str, label: str) -> Receipt:
        """Erase a person, and accept a version without. Raises as ``forgetting.forget`` does."""
        receipt = forgetting.forget(self._database, self.storage, recognizer_id, label)
        self._wake()
        return receipt

    def compare(self, recognizer_id: str, before: int | None, after: int | None) -> Comparison:
        """What changed from one version to another. Raises as ``comparing.compare`` does."""
        return comparing.compare(self._database, recognizer_id, before, after)

    def ready(self, recognizer_id: str, version: int | None = None) -> BuildStatus:
        """A finished version, the latest if none is named. Raises ``NotReady`` while there is none."""
        return builds.ready(self._database, recognizer_id, version)

    def status(self, recognizer_id: str | None = None, version: int | None = None) -> BuildStatus:
        """Where a build stands; without an id, the newest one. Raises as ``builds.status`` does."""
        return builds.status(self._database, recognizer_id, version)

    def listing(self) -> list[BuildStatus]:
        """The newest build of every recognizer."""
        return builds.listing(self._database)

    def images(self, recognizer_id: str, version: int | None = None) -> list[SentImage]:
        """What became of every file of a version, the latest if none is named."""
        return contents.images(self._database, recognizer_id, version)

    def people(self, recognizer_id: str, version: int | None = None) -> list[FoundPerson]:
        """What was found about every person of a version, the latest if none is named."""
        return contents.people(self._database, recognizer_id, version)

    def erase(self, recognizer_id: str, version: int | None = None) -> None:
        """Cancel and delete a recognizer, or one version of it. Raises as ``builds.status`` does."""
        if version is not None:
            erasing.erase_version(self._database, self.storage, recognizer_id, version)
            return
        erasing.erase(self._database, self.storage, recognizer_id)

    def dump(self, recognizer_id: str, version: int | None = None) -> Path:
        """The finished dump's file. Raises ``NotReady`` while there is none."""
        ready = builds.ready(self._database, recognizer_id, version)
        return self._bundle(ready)

    def recognize(
        self, recognizer_id: str, version: int | None, images: Sequence[bytes], about: str, *, draw: bool = False
    ) -> dict[str, Any]:
        """The faces in photos, with names, by a version or the latest. ``about`` is the request's id, for the log.

        With ``draw`` the answer's ``drawn`` are the photos as JPEG files with the faces drawn into them. Raises
        ``NotReady`` before the recognizer is, ``Overloaded`` where no worker answers in time.
        """
        ready = builds.ready(self._database, recognizer_id, version)
        header = {"recognizer": ready.id, "bundle": ready.bundle, "about": about, "draw": draw}
        answer = self._ask(Message(messages.RECOGNIZE, header, tuple(images)), self._settings.recognize_timeout_s)
        if answer is None or answer.kind == messages.BUSY:
            raise Overloaded("All workers are busy; send the photo again in a moment.", retry_after_s=5)
        if "error" in answer.header:
            error = answer.header["error"]
            raise _ERRORS.get(error["code"], FacialError)(error["message"])
        images_answer = {"id": ready.id, "version": ready.version, "images": answer.header["images"]}
        return images_answer | ({"drawn": answer.buffers} if draw else {})

    def _bundle(self, ready: BuildStatus) -> Path:
        return self.storage.bundle(ready.id, ready.bundle or "")

    def counts(self) -> Counts:
        """How much there is of everything."""
        return counting.count(self._database)

    def check_database(self) -> None:
        """Raises where the table cannot be read."""
        with self._database.read() as connection:
            connection.execute(select(1))

    def workers(self) -> dict[str, int] | None:
        """How many workers of each kind the dispatcher knows; ``None`` where it does not answer."""
        answer = self._ask(Message(messages.PING), _PING_S)
        return None if answer is None else dict(answer.header["workers"])

    def _wake(self) -> None:
        # Lost where the dispatcher is away: the table is the truth, and it looks there by itself. A socket that was
        # made just now needs a moment until it is connected.
        socket = self._socket()
        if socket.poll(_CONNECT_MS, zmq.POLLOUT):
            with suppress(zmq.Again):
                socket.send_multipart(Message(messages.WAKE).frames(), zmq.DONTWAIT)

    def _ask(self, message: Message, timeout_s: float) -> Message | None:
        number = next(self._numbers)
        socket = self._socket()
        try:
            socket.send_multipart(Message(message.kind, message.header | {"request": number}, message.buffers).frames())
        except zmq.Again:  # no dispatcher to send it to
            return None
        until = time.monotonic() + timeout_s
        while (left := until - time.monotonic()) > 0 and socket.poll(int(left * 1000) + 1):
            answer = Message.from_frames(socket.recv_multipart())
            if answer.header.get("request") == number:  # else it is late, for a request that was given up
                return answer
        return None

    def _socket(self) -> zmq.Socket[bytes]:
        """This thread's socket; a ZeroMQ socket must not be shared by threads."""
        if not hasattr(self._threads, "socket"):
            with self._lock:
                self._context = self._context or zmq.Context()
            socket = self._context.socket(zmq.DEALER)
            socket.linger = 0
            # Nothing is queued for a dispatcher that is away: it would be answered when nobody waits any more.
            socket.immediate = True
            socket.sndtimeo = int(_PING_S * 1000)
            socket.connect(self._settings.broker_address("clients"))
            self._threads.socket = socket
        opened: zmq.Socket[bytes] = self._threads.socket
        return opened
