"""The supervisor of the dispatcher and the workers: starts and watches them, and stops them in order."""

import os
import signal
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress

import zmq

from constants.settings import Settings
from jobs.folder_lock import STOPPING_S, only_one
from jobs.machine_faults import is_machine_fault
from jobs.processes import messages
from jobs.processes.board import Board
from jobs.processes.child import Child
from jobs.processes.messages import Message
from jobs.processes.sockets import address
from jobs.table import tasks
from jobs.table.tables import TaskKind
from jobs.workplace import Workplace
from logger import logger, start_logging

#: Seconds that a stopping process has to finish what it holds before it is killed; it is taken up again later.
_STOP_GRACE_S = 10.0
#: Seconds between two looks at the processes, and between two words about them to the dispatcher.
_WATCH_S, _TELL_S = 0.1, 1.0


def supervise(settings: Settings) -> None:
    """Run dispatcher and workers until SIGTERM or SIGINT, or until the process that started this one is gone."""
    start_logging(settings, "supervisor")
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: stopping.append(number))
    parent = os.getppid()
    with only_one(settings, STOPPING_S):
        dispatcher, workers = _children(settings)
        with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
            socket.linger = 0
            # What nobody takes at once would be old when it is taken.
            socket.immediate = True
            socket.connect(address(settings.data_dir, "workers"))
            told = 0.0
            while not stopping and os.getppid() == parent:
                changed = [child for child in (dispatcher, *workers) if child.look()]
                if changed or time.monotonic() - told >= _TELL_S:
                    told = time.monotonic()
                    _tell(socket, workers)
                time.sleep(_WATCH_S)
            _stop(dispatcher, workers)
        _let_go(settings)
    logger.info("stopped")


def _children(settings: Settings) -> tuple[Child, list[Child]]:
    """The dispatcher and the workers of a run of the service, which is named so that it is told from any other."""
    run = uuid.uuid4().hex
    commands: dict[str, tuple[str, ...]] = {
        f"encode-{number}": ("worker", TaskKind.ENCODE, f"encode-{number}") for number in range(settings.encode_workers)
    }
    commands["train-0"] = ("worker", TaskKind.TRAIN, "train-0")
    if settings.cluster:
        commands["cluster"] = ("sender",)
    board = Board(1 + len(commands))
    dispatcher = Child("dispatcher", ("dispatcher",), run, board, 0)
    return dispatcher, [
        Child(slot, command, run, board, place) for place, (slot, command) in enumerate(commands.items(), 1)
    ]


def _tell(socket: zmq.Socket[bytes], workers: Sequence[Child]) -> None:
    """Tell the dispatcher which workers live. All of it every time: a word may be lost, and a dispatcher new."""
    slots = {child.slot: {"worker": child.name, "alive": child.is_alive, "ending": child.ending} for child in workers}
    with suppress(zmq.Again):  # no dispatcher
        socket.send_multipart(Message(messages.WATCHED, {"slots": slots}).frames(), zmq.DONTWAIT)


def _stop(dispatcher: Child, workers: Sequence[Child]) -> None:
    # Workers first: each finishes what it holds while the dispatcher is still there to answer clients.
    # What does not finish in time is killed, and taken up again from the table at the next start.
    until = time.monotonic() + _STOP_GRACE_S
    for stopped in (workers, [dispatcher]):
        for child in stopped:
            child.stop()
        for child in stopped:
            child.wait(until)


def _let_go(settings: Settings) -> None:
    """Give back what workers held when they were stopped: nothing of it counts against a task."""
    try:
        workplace = Workplace.of(settings)
        tasks.release_nodes(workplace.database, {workplace.node}, tasks.Ending.STOPPED)
        workplace.database.close()
    except Exception as error:
        if not is_machine_fault(error):
            raise
        logger.warning("what was stopped could not be given back: {}", type(error).__name__)
