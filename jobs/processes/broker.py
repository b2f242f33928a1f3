"""The way to the dispatcher over ZeroMQ, for a process that answers clients.

Nothing here, nor what it imports, loads OpenCV, dlib, TensorFlow or ONNX Runtime.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

import zmq

from constants.exceptions import FacialError, ImageRejected, NotFound, NotReady, Overloaded
from constants.settings import Settings
from features.features_json import from_json
from features.store import ImageFeatures
from jobs.processes import messages
from jobs.processes.messages import Message
from jobs.processes.sockets import address
from jobs.table.builds import Serving

#: Seconds that a look at the dispatcher's health waits.
_PING_S = 2.0
#: Seconds between two looks whether an answer is still wanted.
_LOOK_S = 0.5
#: Milliseconds that a new socket has to be connected to a dispatcher that is there.
_CONNECT_MS = 100

_ERRORS = {error.code: error for error in (NotFound, NotReady, Overloaded)}


@dataclass(frozen=True)
class Recognized:
    """What was found in photos, as JSON, and, if asked for, each as a JPEG file with the faces drawn into it."""

    images: list[dict[str, Any]]
    drawn: tuple[bytes, ...]


class Broker:
    """Wakes the dispatcher and asks it; the threads of a process may share it.

    Nothing is opened before the first use, so it can be made before a server forks.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._numbers = count()
        self._threads = threading.local()
        self._lock = threading.Lock()
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None

    def open(self) -> "zmq.Context[zmq.Socket[bytes]]":
        """ZeroMQ's context, its threads started: libzmq ends a process that has no descriptors for them.

        So a process asks for it before it has anything to lose.
        """
        with self._lock:
            if self._context is None:
                self._context = zmq.Context()
                self._context.socket(zmq.DEALER).close()  # with the first socket they start
            return self._context

    def close(self) -> None:
        """Close what was opened; the broker is not used afterwards."""
        with self._lock:
            if self._context is not None:
                self._context.destroy(linger=0)

    def wake(self) -> None:
        """Say that there is new work in the table.

        This is lost where the dispatcher is away or the machine lets no socket be opened: the table is the truth, and
        it looks there by itself. What was accepted is not refused for that.
        """
        with suppress(zmq.ZMQError):
            socket = self._socket()
            # A socket that was made just now needs a moment until it is connected.
            if socket.poll(_CONNECT_MS, zmq.POLLOUT):
                socket.send_multipart(Message(messages.WAKE).frames(), zmq.DONTWAIT)

    def recognize(
        self,
        serving: Serving,
        photos: Sequence[bytes],
        about: str,
        *,
        draw: bool = False,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Recognized:
        """The faces in photos, with names, by what serves. ``about`` is the request's id, for the log.

        Raises ``NotFound`` where it was deleted meanwhile, ``Overloaded`` where no worker answers in time, or where
        the answer is not wanted any more.
        """
        header = {"task": messages.RECOGNIZE, "serving": asdict(serving), "about": about, "draw": draw}
        answer = self._answer(header, photos, is_wanted)
        return Recognized(answer.header["found"], answer.buffers)

    def verify(self, photos: Sequence[bytes], about: str, is_wanted: Callable[[], bool] = lambda: True) -> Any:
        """Whether two photos show one person. Raises as ``recognize``, and ``ImageRejected`` for one without a face."""
        return self._answer({"task": messages.VERIFY, "about": about}, photos, is_wanted).header["found"]

    def encode(self, photos: Sequence[bytes], about: str, is_wanted: Callable[[], bool] = lambda: True) -> Any:
        """The faces in photos with their encodings. Raises as ``recognize``."""
        return self._answer({"task": messages.ENCODE, "about": about}, photos, is_wanted).header["found"]

    def features(
        self,
        photos: Sequence[bytes],
        pipeline_version: str,
        about: str,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> list[ImageFeatures]:
        """What is kept of photos by a pipeline. Raises as ``recognize``, ``ImageRejected`` for one that is unusable."""
        header = {"task": messages.FEATURES, "pipeline_version": pipeline_version, "about": about}
        found = self._answer(header, photos, is_wanted).header["found"]
        for image in found:
            if "reason" in image:
                raise ImageRejected(image["reason"], image["message"])
        return [from_json(image) for image in found]

    def _answer(self, header: dict[str, Any], photos: Sequence[bytes], is_wanted: Callable[[], bool]) -> Message:
        """What an encode worker says about photos."""
        message = Message(messages.RECOGNIZE, header, tuple(photos))
        answer = self._ask(message, self._settings.recognize_timeout_s, is_wanted)
        if answer is None or answer.kind == messages.BUSY:
            raise Overloaded("All workers are busy; send the photo again in a moment.", retry_after_s=5)
        if "error" in answer.header:
            error = answer.header["error"]
            if "reason" in error:
                raise ImageRejected(error["reason"], error["message"])
            raise _ERRORS.get(error["code"], FacialError)(error["message"])
        return answer

    def workers(self) -> dict[str, int] | None:
        """How many workers of each kind the dispatcher knows; ``None`` where it does not answer."""
        answer = self._ask(Message(messages.PING), _PING_S)
        return None if answer is None else dict(answer.header["workers"])

    def _ask(self, message: Message, timeout_s: float, is_wanted: Callable[[], bool] = lambda: True) -> Message | None:
        number = next(self._numbers)
        socket = self._socket()
        try:
            socket.send_multipart(Message(message.kind, message.header | {"request": number}, message.buffers).frames())
        except zmq.Again:  # no dispatcher to send it to
            return None
        until = time.monotonic() + timeout_s
        while (left := until - time.monotonic()) > 0 and is_wanted():
            if socket.poll(int(1000 * min(left, _LOOK_S)) + 1):
                answer = Message.from_frames(socket.recv_multipart())
                if answer.header.get("request") == number:  # else it is late, for a request that was given up
                    return answer
        with suppress(zmq.Again):
            socket.send_multipart(Message(messages.CANCEL, {"request": number}).frames(), zmq.DONTWAIT)
        return None

    def _socket(self) -> zmq.Socket[bytes]:
        """This thread's socket; a ZeroMQ socket must not be shared by threads."""
        if not hasattr(self._threads, "socket"):
            socket = self.open().socket(zmq.DEALER)
            socket.linger = 0
            # Nothing is queued for a dispatcher that is away: it would be answered when nobody waits any more.
            socket.immediate = True
            socket.sndtimeo = int(_PING_S * 1000)
            socket.connect(address(self._settings.data_dir, "clients"))
            self._threads.socket = socket
        opened: zmq.Socket[bytes] = self._threads.socket
        return opened
