"""The pulse of a working process: that it lives, and how long the step it is at may take.

Its supervisor reads both from memory that they share, and ends a process that has stopped or takes too long.
"""

import mmap
import threading
from array import array
from collections.abc import MutableSequence
from dataclasses import dataclass

from constants.exceptions import WorkerStopping

#: Seconds between two beats of a process.
BEAT_S = 1.0
#: What a process says, each a float of eight bytes, which is written in one go: beats since its start, steps since its
#: start, and the seconds that the step may take.
FIELDS = 3
_BEATS, _STEPS, _LIMIT_S = range(FIELDS)


class Pulse:
    """What a process says of itself; heard by nobody until it is attached to a board."""

    def __init__(self) -> None:
        self._row: MutableSequence[float] = array("d", [0.0] * FIELDS)
        self._stopping = threading.Event()

    def attach(self, descriptor: int, place: int) -> None:
        """Speak on a row of the board behind a descriptor, and beat from now on."""
        board = memoryview(mmap.mmap(descriptor, 0)).cast("d")
        self._row = board[place * FIELDS : (place + 1) * FIELDS]  # type: ignore[assignment]  # numbers of a "d"
        threading.Thread(target=self._beat, daemon=True, name="pulse").start()

    def _beat(self) -> None:
        pause = threading.Event()
        while True:
            self._row[_BEATS] += 1
            pause.wait(BEAT_S)

    def begin(self, limit_s: float) -> None:
        """Begin a step that may take so many seconds."""
        self._row[_LIMIT_S] = limit_s  # first: who sees the new step must see its own limit
        self._row[_STEPS] += 1

    @property
    def is_stopping(self) -> bool:
        """Whether the process was told to stop."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Let the process stop, at the next step of its work at the latest."""
        self._stopping.set()


#: That of the process at hand.
own = Pulse()


@dataclass(frozen=True)
class Step:
    """A kind of step that may take so many seconds; calling it begins one, in whatever process: it can be pickled.

    Raises ``WorkerStopping`` where that process is to stop.
    """

    limit_s: float

    def __call__(self) -> None:
        if own.is_stopping:
            raise WorkerStopping("The worker is to stop.")
        own.begin(self.limit_s)
