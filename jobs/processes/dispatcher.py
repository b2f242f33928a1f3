"""The dispatcher: hands claims from the table, and recognitions from clients, to workers that are ready.

It keeps nothing that matters: claims stand in the table, a worker that it forgot says again that it is
ready, and a client whose recognition is lost is told to come back.
"""

import os
import signal
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import zmq

from constants.settings import Settings
from jobs.processes import messages
from jobs.processes.lease_watch import LeaseWatch
from jobs.processes.messages import Message
from jobs.table import tasks
from jobs.table.tables import TaskKind
from jobs.work.tidying import tidy
from jobs.workplace import Workplace
from logger import logger, start_logging

#: Milliseconds between two looks of the dispatcher at the table, which heal any lost message.
_SWEEP_MS = 500
#: Recognitions that may wait for a worker; beyond it a client is told to come back.
MAX_WAITING_RECOGNITIONS = 256
#: Times that a recognition is handed out when the worker holding it dies.
RECOGNITION_ATTEMPTS = 2


@dataclass
class _Recognition:
    """A client's request, and how often it was handed out."""

    client: bytes
    message: Message
    attempts: int = 0


@dataclass
class _Seat:
    """What is known of a worker's slot: who sits there, what was sent to it, and what it holds for a client."""

    kind: TaskKind
    worker: str
    address: bytes
    sent: int
    free: bool = False
    claimed: bool = False
    recognition: _Recognition | None = None


@dataclass
class Dispatcher:
    """The queueing behind the dispatcher's two sockets, ``clients`` and ``workers``, both ROUTER."""

    workplace: Workplace
    clients: zmq.Socket[bytes]
    workers: zmq.Socket[bytes]
    _seats: dict[str, _Seat] = field(default_factory=dict)
    _waiting: deque[_Recognition] = field(default_factory=deque)
    _last_build: int = 0
    #: Kinds of work that the table had none of when it was last asked, which takes a lock on it.
    _idle: set[TaskKind] = field(default_factory=set)

    def turn(self, timeout_ms: int) -> None:
        """Wait for messages, take them in, and hand out what can be."""
        poller = zmq.Poller()
        poller.register(self.clients, zmq.POLLIN)
        poller.register(self.workers, zmq.POLLIN)
        ready = dict(poller.poll(timeout_ms))
        for socket, take in ((self.workers, self._from_worker), (self.clients, self._from_client)):
            while socket in ready and socket.poll(0):
                address, *frames = socket.recv_multipart()
                try:
                    take(address, Message.from_frames(frames))
                except (ValueError, KeyError):
                    logger.warning("a message that is none of ours was dropped")
        self._hand_out()

    def _from_worker(self, address: bytes, message: Message) -> None:
        if message.kind == messages.READY:
            self._seat(address, message)
        elif message.kind == messages.RECOGNIZED:
            seat = next((seat for seat in self._seats.values() if seat.address == address), None)
            if seat is not None and seat.recognition is not None:
                self._answer(seat.recognition, message)
                seat.recognition = None

    def _seat(self, address: bytes, message: Message) -> None:
        header = message.header
        seat = self._seats.get(header["slot"])
        if seat is None or seat.worker != header["worker"]:
            # A new process in this slot: what the one before it held is free again, at once.
            tasks.release(self.workplace.database, header["slot"], tasks.Ending.INTERRUPTED, but=header["worker"])
            self.look()
            if seat is not None and seat.recognition is not None:
                self._again(seat.recognition)
            seat = _Seat(TaskKind(header["kind"]), header["worker"], address, sent=header["received"])
            self._seats[header["slot"]] = seat
        # A worker that has yet to receive what was sent to it said this before it was sent.
        seat.free = header["received"] == seat.sent
        if seat.free and seat.claimed:
            seat.claimed = False
            self.look()  # what it did may have made more work, such as the training after the last picture

    def _again(self, recognition: _Recognition) -> None:
        if recognition.attempts < RECOGNITION_ATTEMPTS:
            self._waiting.appendleft(recognition)
        else:
            error = {"code": "internal", "message": "Working on this photo failed repeatedly; convert it or leave it."}
            self._answer(recognition, Message(messages.RECOGNIZED, {"error": error}))

    def _from_client(self, client: bytes, message: Message) -> None:
        recognition = _Recognition(client, message)
        if message.kind == messages.WAKE:
            self.look()
        elif message.kind == messages.PING:
            counts = {kind: sum(seat.kind == kind for seat in self._seats.values()) for kind in TaskKind}
            self._answer(recognition, Message(messages.PONG, {"workers": counts}))
        elif message.kind == messages.RECOGNIZE:
            if len(self._waiting) >= MAX_WAITING_RECOGNITIONS:
                self._answer(recognition, Message(messages.BUSY))
            else:
                self._waiting.append(recognition)

    def _answer(self, recognition: _Recognition, message: Message) -> None:
        echoed = message.header | {"request": recognition.message.header["request"]}
        self.clients.send_multipart([recognition.client, *Message(message.kind, echoed, message.buffers).frames()])

    def look(self) -> None:
        """Ask the table again, at the next turn, for all kinds of work."""
        self._idle.clear()

    def _hand_out(self) -> None:
        for seat in self._seats.values():
            if not seat.free:
                continue
            message = self._next_recognition(seat) or self._next_claim(seat)
            if message is not None:
                self.workers.send_multipart([seat.address, *message.frames()])
                seat.sent += 1
                seat.free = False

    def _next_recognition(self, seat: _Seat) -> Message | None:
        """Recognitions go first: a person is waiting."""
        if seat.kind != TaskKind.ENCODE or not self._waiting:
            return None
        seat.recognition = self._waiting.popleft()
        seat.recognition.attempts += 1
        return seat.recognition.message

    def _next_claim(self, seat: _Seat) -> Message | None:
        if seat.kind in self._idle:
            return None
        claim = tasks.claim(self.workplace.database, seat.kind, seat.worker, self._last_build)
        if claim is None:
            self._idle.add(seat.kind)
            return None
        seat.claimed = True
        if claim.kind == TaskKind.ENCODE:
            self._last_build = claim.build
        return Message(messages.WORK, {"kind": claim.kind, "build": claim.build, "token": claim.token})


def run_dispatcher(settings: Settings, parent: int) -> None:
    """The main function of the dispatcher's process: serve until SIGTERM, or until the process ``parent`` is gone."""
    start_logging(settings, "dispatcher")
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopping.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the supervisor decides
    workplace = Workplace.of(settings)
    tidy(workplace.database, workplace.storage)
    with zmq.Context() as context, context.socket(zmq.ROUTER) as clients, context.socket(zmq.ROUTER) as workers:
        _bind(clients, settings.broker_address("clients"))
        _bind(workers, settings.broker_address("workers"))
        dispatcher = Dispatcher(workplace, clients, workers)
        logger.info("ready")
        swept, watch = 0.0, LeaseWatch()
        while not stopping and os.getppid() == parent:
            if time.monotonic() - swept >= _SWEEP_MS / 1000:
                overdue = watch.overdue(tasks.leases(workplace.database))
                if overdue:
                    tasks.expire(workplace.database, overdue)
                swept = time.monotonic()
                dispatcher.look()
            dispatcher.turn(_SWEEP_MS)
    logger.info("stopped")


def _bind(socket: zmq.Socket[bytes], address: str) -> None:
    """Bind, and let nobody but this user in: what comes by these sockets is trusted."""
    socket.linger = 0
    socket.bind(address)
    Path(address.removeprefix("ipc://")).chmod(0o600)
