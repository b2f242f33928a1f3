"""The dispatcher: hands claims from the table, and recognitions from clients, to workers that are ready.

It keeps nothing that matters: claims stand in the table, a worker that it forgot says again that it is
ready, and a client whose recognition is lost is told to come back.
"""

import os
import signal
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq

from constants.settings import Settings
from jobs.machine_faults import is_machine_fault
from jobs.processes import messages
from jobs.processes.counter_watch import CounterWatch
from jobs.processes.messages import Message
from jobs.processes.node_watch import NodeWatch
from jobs.processes.pauses import Pauses
from jobs.processes.sockets import address
from jobs.processes.sweeper import Sweeper
from jobs.table import tasks
from jobs.table.tables import TaskKind
from jobs.table.tasks import Ending
from jobs.work import pulse
from jobs.workplace import Workplace
from logger import logger, start_logging

#: Milliseconds between two looks of the dispatcher at the table, which heal any lost message.
_SWEEP_MS = 500
#: Seconds that a turn of the dispatcher may take.
_TURN_S = 30.0
#: Seconds that it waits for a locked database: clients with photos wait meanwhile.
_PATIENCE_S = 0.5
#: Seconds after which a word of the supervisor about a worker no longer proves anything.
_PROVED_S = 10.0
#: Seconds without a sign of life after which a claim is taken back. Workers are watched by their supervisor, whose
#: limits are far shorter; this is for what it cannot see. Longer than the longest work without a sign, a video.
LEASE_S = 900.0
#: Seconds between two lines of the log about the same kind of fault.
_SAY_AGAIN_S = 10.0
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

    def is_of(self, other: "_Recognition") -> bool:
        """Whether both are about the same request of a client."""
        request = self.message.header.get("request")
        return self.client == other.client and request == other.message.header.get("request")


@dataclass
class _Seat:
    """What is known of a worker's slot: who sits there, the ticket of what was sent to it, and what it holds."""

    kind: TaskKind
    worker: str
    address: bytes
    ticket: str = ""
    free: bool = False
    claimed: bool = False
    recognition: _Recognition | None = None


@dataclass(frozen=True)
class _Watched:
    """What the supervisor last said of a slot: who works there, whether it lives, and when that was said."""

    worker: str
    alive: bool
    said: float


@dataclass
class Dispatcher:
    """The queueing behind the dispatcher's two sockets, ``clients`` and ``workers``, both ROUTER."""

    workplace: Workplace
    clients: zmq.Socket[bytes]
    workers: zmq.Socket[bytes]
    _seats: dict[str, _Seat] = field(default_factory=dict)
    _watched: dict[str, _Watched] = field(default_factory=dict)
    #: Slots in which a process ended: how, and who is there now and keeps what it holds.
    _vacated: dict[str, tuple[Ending, str]] = field(default_factory=dict)
    _waiting: deque[_Recognition] = field(default_factory=deque)
    _pauses: Pauses = field(default_factory=Pauses)
    _leases: CounterWatch = field(default_factory=lambda: CounterWatch(LEASE_S))
    _nodes: NodeWatch = field(default_factory=NodeWatch)
    _last_build: int = 0
    #: Kinds of work that the table had none of when it was last asked, which takes a lock on it.
    _idle: set[TaskKind] = field(default_factory=set)
    _complained: float = -_SAY_AGAIN_S

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
        self._release()
        self._hand_out()

    def sweep(self) -> None:
        """Look after what no message told: leases that ran out, and work that waits."""
        with self._outliving_faults():
            overdue = self._leases.standing_still(tasks.leases(self.workplace.database))
            if overdue:
                logger.warning("{} claims gave no sign of life and are taken back", len(overdue))
                tasks.expire(self.workplace.database, overdue)
            self._nodes.turn(self.workplace)
        self.look()

    @contextmanager
    def _outliving_faults(self) -> Iterator[None]:
        """Within, a fault of the machine is said in the log and no more: what it kept from being done is done later."""
        try:
            yield
        except Exception as error:
            if not is_machine_fault(error):
                raise
            if time.monotonic() - self._complained >= _SAY_AGAIN_S:
                self._complained = time.monotonic()
                logger.warning("the table cannot be used for now: {}", type(error).__name__)

    def _from_worker(self, address: bytes, message: Message) -> None:
        if message.kind == messages.READY:
            self._seat(address, message.header)
        elif message.kind == messages.RECOGNIZED:
            seat = next((seat for seat in self._seats.values() if seat.address == address), None)
            if seat is not None and seat.recognition is not None and seat.ticket == message.header["ticket"]:
                self._answer(seat.recognition, message)
                seat.recognition = None
        elif message.kind == messages.WATCHED:
            for slot, said in message.header["slots"].items():
                self._watch(slot, _Watched(said["worker"], said["alive"], time.monotonic()), Ending(said["ending"]))

    def _seat(self, address: bytes, header: dict[str, Any]) -> None:
        slot = header["slot"]
        seat = self._seats.get(slot)
        if seat is None or seat.worker != header["worker"]:
            # A worker that is idle holds nothing, and nobody before it in its slot does: not what a dispatcher that
            # ended had claimed for it, either.
            self._vacate(slot, Ending.INTERRUPTED, but="")
            seat = self._seats[slot] = _Seat(TaskKind(header["kind"]), header["worker"], address)
        # A worker that has yet to receive what was sent to it said this before it was sent.
        if seat.ticket in ("", header["done"]):
            if seat.claimed:
                self._note_done(slot, seat, header["troubled"])
            seat.free = True

    def _note_done(self, slot: str, seat: _Seat, troubled: bool) -> None:
        seat.claimed = False
        if troubled:
            self._pauses.begin(seat.kind)
            self._vacated[slot] = Ending.TROUBLED, ""
        else:
            self._pauses.end(seat.kind)
            self.look()  # what it did may have made more work, such as the training after the last picture

    def _watch(self, slot: str, now: _Watched, ending: Ending) -> None:
        before = self._watched.get(slot)
        self._watched[slot] = now
        if before is None or before.worker != now.worker:
            self._vacate(slot, ending, but=now.worker)

    def _vacate(self, slot: str, ending: Ending, but: str) -> None:
        """Free what was held in a slot by processes that are gone: all but the one that is there now."""
        self._vacated[slot] = ending, but
        seat = self._seats.get(slot)
        if seat is not None and seat.worker != but:
            del self._seats[slot]
            if seat.recognition is not None:
                self._again(seat.recognition, ending)

    def _release(self) -> None:
        for slot, (ending, but) in list(self._vacated.items()):
            with self._outliving_faults():
                tasks.release(self.workplace.database, slot, ending, but, self.workplace.node)
                del self._vacated[slot]
                self.look()

    def _again(self, recognition: _Recognition, ending: Ending) -> None:
        if recognition.attempts < RECOGNITION_ATTEMPTS:
            self._waiting.appendleft(recognition)
        elif ending != Ending.FAILED:  # whoever ended the workers, it was not the photo
            self._answer(recognition, Message(messages.BUSY))
        else:
            error = {"code": "internal", "message": "Working on this photo failed repeatedly; convert it or leave it."}
            self._answer(recognition, Message(messages.RECOGNIZED, {"error": error}))

    def _from_client(self, client: bytes, message: Message) -> None:
        recognition = _Recognition(client, message)
        if message.kind == messages.WAKE:
            self.look()
        elif message.kind == messages.CANCEL:
            self._waiting = deque(waiting for waiting in self._waiting if not waiting.is_of(recognition))
        elif message.kind == messages.PING:
            self._answer(recognition, Message(messages.PONG, {"workers": self._living()}))
        elif message.kind == messages.RECOGNIZE:
            if len(self._waiting) >= MAX_WAITING_RECOGNITIONS:
                self._answer(recognition, Message(messages.BUSY))
            else:
                self._waiting.append(recognition)

    def _living(self) -> dict[str, int]:
        """How many workers of each kind said that they are ready, and proved lately that they live."""
        lately = time.monotonic() - _PROVED_S
        living = {slot for slot, watched in self._watched.items() if watched.alive and watched.said >= lately}
        kinds = [seat.kind for slot, seat in self._seats.items() if slot in living]
        return {kind: kinds.count(kind) for kind in TaskKind}

    def _answer(self, recognition: _Recognition, message: Message) -> None:
        echoed = message.header | {"request": recognition.message.header["request"]}
        self.clients.send_multipart([recognition.client, *Message(message.kind, echoed, message.buffers).frames()])

    def look(self) -> None:
        """Ask the table again, at the next turn, for all kinds of work."""
        self._idle.clear()

    def _hand_out(self) -> None:
        for slot, seat in self._seats.items():
            if not seat.free:
                continue
            message = self._next_recognition(seat) or self._next_claim(slot, seat)
            if message is not None:
                seat.ticket, seat.free = uuid.uuid4().hex, False
                ticketed = Message(message.kind, message.header | {"ticket": seat.ticket}, message.buffers)
                self.workers.send_multipart([seat.address, *ticketed.frames()])

    def _next_recognition(self, seat: _Seat) -> Message | None:
        """Recognitions go first: a person is waiting."""
        if seat.kind != TaskKind.ENCODE or not self._waiting:
            return None
        seat.recognition = self._waiting.popleft()
        seat.recognition.attempts += 1
        return seat.recognition.message

    def _next_claim(self, slot: str, seat: _Seat) -> Message | None:
        # What is still to be freed in its slot would else take the new claim with it.
        if seat.kind in self._idle or slot in self._vacated or not self._pauses.is_over(seat.kind):
            return None
        self._idle.add(seat.kind)  # until it is known better
        with self._outliving_faults():
            here = self.workplace
            claim = tasks.claim(here.database, seat.kind, seat.worker, self._last_build, here.node)
            if claim is not None:
                self._idle.discard(seat.kind)
                seat.claimed = True
                if claim.kind == TaskKind.ENCODE:
                    self._last_build = claim.build
                return Message(messages.WORK, {"kind": claim.kind, "build": claim.build, "token": claim.token})
        return None


def run_dispatcher(settings: Settings, run: str, parent: int) -> None:
    """The main function of the dispatcher's process: serve until SIGTERM, or until the process ``parent`` is gone.

    Whatever is held by workers that are not of this ``run`` of the service is free again.
    """
    start_logging(settings, "dispatcher")
    signal.signal(signal.SIGTERM, lambda *_: pulse.own.stop())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the supervisor decides
    workplace = Workplace.patiently(settings, _PATIENCE_S)
    with zmq.Context() as context, context.socket(zmq.ROUTER) as clients, context.socket(zmq.ROUTER) as workers:
        _bind(clients, address(settings.data_dir, "clients"))
        _bind(workers, address(settings.data_dir, "workers"))
        dispatcher, sweeper = Dispatcher(workplace, clients, workers), Sweeper(workplace)
        sweeper.start()
        begun, swept = False, 0.0
        while not pulse.own.is_stopping and os.getppid() == parent:
            if not begun:
                begun = _begin(dispatcher, workplace, run)
            pulse.own.begin(_TURN_S)
            if time.monotonic() - swept >= _SWEEP_MS / 1000:
                swept = time.monotonic()
                dispatcher.sweep()
            dispatcher.turn(_SWEEP_MS)
        sweeper.stop()
    workplace.database.close()
    logger.info("stopped")


def _begin(dispatcher: Dispatcher, workplace: Workplace, run: str) -> bool:
    """Free what the service before held; ``False`` where the machine does not let it."""
    pulse.own.begin(_TURN_S)
    try:
        tasks.release_others(workplace.database, run, workplace.node)
    except Exception as error:
        if not is_machine_fault(error):
            raise
        logger.warning("what was held is freed later: {}", type(error).__name__)
        return False
    dispatcher.look()
    logger.info("ready")
    return True


def _bind(socket: zmq.Socket[bytes], address: str) -> None:
    """Bind, and let nobody but this user in: what comes by these sockets is trusted."""
    socket.linger = 0
    socket.bind(address)
    Path(address.removeprefix("ipc://")).chmod(0o600)
