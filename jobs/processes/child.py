"""A process that should be running: started, watched, ended where it must be, and started again."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from jobs.processes.board import Board, Watch
from jobs.table.tasks import Ending
from logger import logger

#: Seconds before a process that ended by its own fault is started again; doubled at each such end that comes quickly,
#: up to the second. One that was killed or stopped from outside is started again at once.
_RESTART_DELAY_S = (0.2, 5.0)
#: Seconds that a process must have run for its end not to count as a quick one.
_QUICK_S = 10.0

#: What runs one of this project's commands in a fresh interpreter.
_COMMAND = (sys.executable, str(Path(__file__).parents[2] / "run.py"))
#: One compute thread a worker: the processes are the parallelism, and threads on top would fight for cores.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@dataclass
class Child:
    """One of this process' children: what it runs, in which slot, on which row of the board it says that it lives.

    The slot outlives the process; the name, of slot, run of the service and a number, does not.
    """

    slot: str
    command: tuple[str, ...]
    run: str
    board: Board
    place: int
    #: How the process before this one ended.
    ending: Ending = Ending.STOPPED
    _number: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _watch: Watch = field(init=False)
    _killed: bool = False
    _started: float = 0.0
    _start_at: float = 0.0
    _delay: float = 0.0

    @property
    def name(self) -> str:
        """What the running process is called; empty while none runs."""
        return f"{self.slot}:{self.run}:{self._number}" if self._process is not None else ""

    @property
    def is_alive(self) -> bool:
        """Whether the process has proved lately that it lives."""
        return self._process is not None and self._watch.is_alive

    def look(self) -> bool:
        """Start it, or end it where it hangs; whether it was started or has ended."""
        if self._process is None:
            if time.monotonic() < self._start_at:
                return False
            self._start()
            return True
        code = self._process.poll()
        if code is not None:
            self._note_end(code)
            return True
        self._watch.look()
        if not self._killed and (why := self._watch.overdue):
            logger.warning("{} is ended: {}", self.slot, why)
            self._killed = True
            self.kill()
        return False

    def _start(self) -> None:
        self._number += 1
        self._watch = Watch(self.board, self.place)
        self._killed = False
        self._started = time.monotonic()
        pulse = ("--pulse", str(self.board.descriptor), str(self.place))
        # A fresh interpreter, not a fork: nothing is inherited but the environment and the board. A group of its own,
        # so that what it starts can be ended with it.
        self._process = subprocess.Popen(
            [*_COMMAND, *self.command, "--parent", str(os.getpid()), *pulse, *self._naming()],
            env=os.environ | ONE_THREAD,
            pass_fds=(self.board.descriptor,),
            start_new_session=True,
        )

    def _naming(self) -> tuple[str, str]:
        return "--name", f"{self.slot}:{self.run}:{self._number}"

    def _note_end(self, code: int) -> None:
        self.ending = Ending.FAILED if self._killed else _ending(code)
        logger.log("INFO" if self.ending == Ending.STOPPED else "WARNING", "{} ended with {}", self.slot, code)
        now = time.monotonic()
        if self.ending != Ending.FAILED or now - self._started > _QUICK_S:
            self._delay = 0.0
        else:
            self._delay = min(max(2 * self._delay, _RESTART_DELAY_S[0]), _RESTART_DELAY_S[1])
        self._process, self._start_at = None, now + self._delay

    def stop(self) -> None:
        """Tell it to stop."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait(self, until: float) -> None:
        """Wait for its end, and kill it when that does not come; what it held is tried again."""
        if self._process is not None:
            try:
                self._process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.kill()
                self._process.wait()

    def kill(self) -> None:
        """End it, with what it started, whatever it is at; also when it stands still."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)


def _ending(code: int) -> Ending:
    if code == 0:
        return Ending.STOPPED
    return Ending.INTERRUPTED if -code in _FROM_OUTSIDE else Ending.FAILED
