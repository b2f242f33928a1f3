"""A worker process: says that it is ready, takes work, does it, and says so again."""

import os
import signal
from typing import Any

import zmq

from constants.exceptions import FacialError, ImageRejected, Overloaded
from constants.settings import Settings
from jobs.machine_faults import is_machine_fault
from jobs.processes import messages
from jobs.processes.memory import limit_memory
from jobs.processes.messages import Message
from jobs.processes.sockets import address
from jobs.table.tables import TaskKind
from jobs.table.tasks import Claim
from jobs.work import pulse, runner
from jobs.workplace import Workplace
from logger import about, logger, start_logging

#: Milliseconds after which an idle worker says again that it is ready, for a dispatcher that restarted.
_READY_MS = 1000
#: Seconds that the way from one piece of work to the next may take.
_BETWEEN_S = 30.0
#: Seconds that a photo may take.
_PHOTO_S = 30.0
#: Trainings after which a train worker's process is replaced: TensorFlow keeps some 2 MB of each for ever.
_TRAININGS_PER_PROCESS = 50


class Worker:
    """One worker of a kind in a slot, such as ``encode-0``; the slot outlives the process, the name does not."""

    def __init__(self, workplace: Workplace, kind: TaskKind, slot: str, name: str) -> None:
        self._workplace = workplace
        self._kind = kind
        self._slot = slot
        self._name = name
        self._done = ""
        self._troubled = False
        self._works = 0
        self._recognizers: Any = None

    def run(self, parent: int) -> None:
        """Work until told to stop, or until the process ``parent`` is gone."""
        with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
            socket.linger = 0
            socket.connect(address(self._workplace.settings.data_dir, "workers"))
            logger.info("ready")
            while not pulse.own.is_stopping and not self._is_worn_out() and os.getppid() == parent:
                pulse.own.begin(_BETWEEN_S)
                self._announce(socket)
                if socket.poll(_READY_MS):
                    self._handle(socket, Message.from_frames(socket.recv_multipart()))
                elif self._recognizers is not None:
                    self._recognizers.forget_deleted()
        logger.info("stopped")

    def _is_worn_out(self) -> bool:
        """Whether a fresh process should take this one's place, which the supervisor sees to."""
        return self._kind == TaskKind.TRAIN and self._works >= _TRAININGS_PER_PROCESS

    def _announce(self, socket: zmq.Socket[bytes]) -> None:
        """Say that this worker is free: ``done`` is the ticket of its last work, by which a late word is told."""
        ready = {
            "kind": self._kind,
            "slot": self._slot,
            "worker": self._name,
            "done": self._done,
            "troubled": self._troubled,
        }
        socket.send_multipart(Message(messages.READY, ready).frames())

    def _handle(self, socket: zmq.Socket[bytes], message: Message) -> None:
        header = message.header
        if message.kind == messages.WORK:
            claim = Claim(TaskKind(header["kind"]), header["build"], header["token"])
            self._troubled = not runner.run(self._workplace, claim)
            self._works += 1
        elif message.kind == messages.RECOGNIZE:
            self._troubled = False
            answer = self._recognize(message)
            socket.send_multipart(
                Message(answer.kind, answer.header | {"ticket": header["ticket"]}, answer.buffers).frames()
            )
        self._done = header["ticket"]

    def _recognize(self, message: Message) -> Message:
        with about(message.header["about"]):
            try:
                return self._found(message)
            except ImageRejected as error:
                return _refused(error.code, str(error), reason=error.reason)
            except FacialError as error:
                return _refused(error.code, str(error))
            except Exception as error:
                if is_machine_fault(error):
                    logger.warning("the machine would not let it recognize: {}", type(error).__name__)
                    return _refused(Overloaded.code, "The machine has no room for this now; send it again in a moment.")
                logger.exception("recognition failed")
                return _refused("internal", "The recognition failed; the log says why.")

    def _found(self, message: Message) -> Message:
        """What photos show: by a recognizer, or without one."""
        # ONNX Runtime, which a train worker never needs.
        from jobs.work.photo_features import features
        from jobs.work.photo_pairs import compared, encoded
        from jobs.work.recognition import drawn, recognize
        from jobs.work.recognizer_cache import RecognizerCache, recognizer_for

        header, photos, settings = message.header, message.buffers, self._workplace.settings
        if header["task"] == messages.VERIFY:
            return Message(messages.RECOGNIZED, {"found": compared(photos, settings, _next_photo)})
        if header["task"] == messages.ENCODE:
            return Message(messages.RECOGNIZED, {"found": encoded(photos, settings, _next_photo)})
        if header["task"] == messages.FEATURES:
            found = features(photos, header["pipeline_version"], settings, _next_photo)
            return Message(messages.RECOGNIZED, {"found": found})
        self._recognizers = self._recognizers or RecognizerCache()
        recognizer = recognizer_for(self._workplace, self._recognizers, header["serving"])
        images = recognize(recognizer, photos, settings, _next_photo)
        pictures = drawn(photos, images, _next_photo) if header["draw"] else ()
        return Message(messages.RECOGNIZED, {"found": images}, pictures)


def _next_photo() -> None:
    pulse.own.begin(_PHOTO_S)  # also while the worker is to stop: a client waits


def _refused(code: str, message: str, **more: str) -> Message:
    return Message(messages.RECOGNIZED, {"error": {"code": code, "message": message} | more})


def run_worker(settings: Settings, kind: TaskKind, slot: str, name: str, parent: int) -> None:
    """The main function of a worker process: work until SIGTERM."""
    start_logging(settings, slot)
    limit_memory(kind)
    signal.signal(signal.SIGTERM, lambda *_: pulse.own.stop())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the supervisor decides
    workplace = Workplace.patiently(settings)
    try:
        Worker(workplace, kind, slot, name).run(parent)
    finally:
        workplace.database.close()
