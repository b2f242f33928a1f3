"""A worker process: says that it is ready, takes work, does it, and says so again."""

import os
import signal
import uuid
from typing import Any

import zmq

from constants.exceptions import FacialError
from constants.settings import Settings
from jobs.processes import messages
from jobs.processes.messages import Message
from jobs.table.tables import TaskKind
from jobs.table.tasks import Claim
from jobs.work import runner
from jobs.workplace import Workplace
from logger import about, logger, start_logging

#: Milliseconds after which an idle worker says again that it is ready, for a dispatcher that restarted.
_READY_MS = 1000
#: Trainings after which a train worker's process is replaced: TensorFlow keeps some 2 MB of each for ever.
_TRAININGS_PER_PROCESS = 50


class Worker:
    """One worker of a kind in a slot, such as ``encode-0``; the slot outlives the process, the name does not."""

    def __init__(self, settings: Settings, kind: TaskKind, slot: str) -> None:
        self._workplace = Workplace.of(settings)
        self._kind = kind
        self._slot = slot
        self._name = f"{slot}:{uuid.uuid4().hex}"
        self._received = 0
        self._stopping = False
        self._recognizers: Any = None

    def run(self, parent: int) -> None:
        """Work until told to stop by SIGTERM, or until the process ``parent`` is gone."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the supervisor decides
        with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
            socket.linger = 0
            socket.connect(self._workplace.settings.broker_address("workers"))
            logger.info("ready")
            while not self._stopping and not self._worn_out() and os.getppid() == parent:
                self._announce(socket)
                if socket.poll(_READY_MS):
                    self._received += 1
                    self._handle(socket, Message.from_frames(socket.recv_multipart()))
                elif self._recognizers is not None:
                    self._recognizers.forget_deleted()
        logger.info("stopped")

    def _worn_out(self) -> bool:
        """Whether a fresh process should take this one's place, which the supervisor sees to."""
        return self._kind == TaskKind.TRAIN and self._received >= _TRAININGS_PER_PROCESS

    def _announce(self, socket: zmq.Socket[bytes]) -> None:
        """Say that this worker is free. ``received`` lets the dispatcher tell a late word from a new one."""
        ready = {"kind": self._kind, "slot": self._slot, "worker": self._name, "received": self._received}
        socket.send_multipart(Message(messages.READY, ready).frames())

    def _handle(self, socket: zmq.Socket[bytes], message: Message) -> None:
        if message.kind == messages.WORK:
            header = message.header
            runner.run(self._workplace, Claim(TaskKind(header["kind"]), header["build"], header["token"]))
        elif message.kind == messages.RECOGNIZE:
            socket.send_multipart(self._recognize(message).frames())

    def _recognize(self, message: Message) -> Message:
        # ONNX Runtime, which a train worker never needs.
        from jobs.work.recognition import drawn, recognize
        from jobs.work.recognizers import RecognizerCache, recognizer_for

        self._recognizers = self._recognizers or RecognizerCache()
        header = message.header
        with about(header["about"]):
            try:
                recognizer = recognizer_for(self._workplace, self._recognizers, header["serving"])
                images = recognize(recognizer, message.buffers, self._workplace.settings)
                pictures = drawn(message.buffers, images) if header["draw"] else ()
                return Message(messages.RECOGNIZED, {"images": images}, pictures)
            except FacialError as error:
                return _refused(error.code, str(error))
            except Exception:
                logger.exception("recognition failed")
                return _refused("internal", "The recognition failed; the log says why.")

    def _stop(self, _signal: int, _frame: object) -> None:
        self._stopping = True


def _refused(code: str, message: str) -> Message:
    return Message(messages.RECOGNIZED, {"error": {"code": code, "message": message}})


def run_worker(settings: Settings, kind: TaskKind, slot: str, parent: int) -> None:
    """The main function of a worker process."""
    start_logging(settings, slot)
    Worker(settings, kind, slot).run(parent)
