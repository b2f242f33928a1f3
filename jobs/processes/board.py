"""What the processes of a service say of themselves, read by their supervisor: see ``jobs/work/pulse.py``."""

import mmap
import os
import tempfile
import time
from collections.abc import Callable

from jobs.work.pulse import FIELDS

#: Seconds without a beat after which a process is taken as alive no longer, and after which it is ended.
QUIET_S, DEAD_S = 5.0, 20.0
#: Seconds that a process has for its first beat: it loads its libraries, on a machine that may be busy.
_STARTING_S = 60.0
#: Seconds between two looks beyond which it was the watcher that stood still, with the whole machine perhaps; what
#: happened meanwhile says nothing about the others.
_OWN_PAUSE_S = 2.0

_FLOAT_BYTES = 8


class Board:
    """Memory with a row for each process, shared through ``descriptor``."""

    def __init__(self, rows: int) -> None:
        size = rows * FIELDS * _FLOAT_BYTES
        if hasattr(os, "memfd_create"):
            self.descriptor = os.memfd_create("facial-board")
        else:
            with tempfile.TemporaryFile() as file:
                self.descriptor = os.dup(file.fileno())
        os.truncate(self.descriptor, size)
        self._memory = memoryview(mmap.mmap(self.descriptor, size)).cast("d")

    def clear(self, place: int) -> None:
        """Empty a row, for the next process that speaks there."""
        for field in range(FIELDS):
            self._memory[place * FIELDS + field] = 0.0

    def read(self, place: int) -> tuple[float, float, float]:
        """Beats, steps, and the seconds that the step may take."""
        beats, steps, limit_s = self._memory[place * FIELDS : (place + 1) * FIELDS]
        return beats, steps, limit_s


class Watch:
    """Judges a process by its row, on the watcher's own clock; begins anew with each process."""

    def __init__(self, board: Board, place: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._board = board
        self._place = place
        self._clock = clock
        board.clear(place)
        self._beats = self._steps = 0.0
        self._looked = self._beaten = self._begun = clock()

    def look(self) -> None:
        """See what changed since the last look."""
        now = self._clock()
        if now - self._looked > _OWN_PAUSE_S:
            self._beaten += now - self._looked
            self._begun += now - self._looked
        self._looked = now
        beats, steps, self._limit_s = self._board.read(self._place)
        if beats != self._beats:
            self._beats, self._beaten = beats, now
        if steps != self._steps:
            self._steps, self._begun = steps, now

    @property
    def is_alive(self) -> bool:
        """Whether the process has proved lately that it lives."""
        return self._beats > 0 and self._looked - self._beaten < QUIET_S

    @property
    def overdue(self) -> str | None:
        """Why the process must be ended, if it must."""
        if self._looked - self._beaten > (DEAD_S if self._beats else _STARTING_S):
            return f"no sign of life for {self._looked - self._beaten:.0f} s"
        if self._steps and self._looked - self._begun > self._limit_s:
            return f"one step took more than {self._limit_s:.0f} s"
        return None
