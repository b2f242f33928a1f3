"""The supervisor of the dispatcher and the workers: starts them, starts again what ends, stops them in order."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from constants.settings import Settings
from jobs.folder_lock import only_one
from jobs.table.tables import TaskKind
from logger import logger, start_logging

#: Seconds that a stopping process has to finish what it holds before it is killed; leases make that safe.
_STOP_GRACE_S = 10.0
#: Seconds before a process that ended is started again; doubled at each quick end, up to the second.
_RESTART_DELAY_S = (0.2, 10.0)

#: Seconds between two looks at the processes.
_WATCH_S = 0.1

#: One compute thread a worker: the processes are the parallelism, and threads on top would fight for cores.
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}


#: What runs one of this project's commands in a fresh interpreter.
_COMMAND = (sys.executable, str(Path(__file__).parents[2] / "run.py"))


@dataclass
class _Child:
    """A process that should be running."""

    command: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    delay: float = _RESTART_DELAY_S[0]

    def watch(self) -> None:
        """Start it, or start it again after a pause that grows while it keeps ending quickly."""
        now = time.monotonic()
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return
            logger.log("WARNING" if code else "INFO", "{} ended with {}; starting it", " ".join(self.command), code)
            lasted = now - self.started
            self.delay = (
                _RESTART_DELAY_S[0] if lasted > _RESTART_DELAY_S[1] else min(self.delay * 2, _RESTART_DELAY_S[1])
            )
            self.process, self.started = None, now
        if self.started == 0.0 or now - self.started >= self.delay:
            # A fresh interpreter, not a fork: nothing is inherited but the environment.
            command = [*_COMMAND, *self.command, "--parent", str(os.getpid())]
            self.process = subprocess.Popen(command, env=os.environ | _ONE_THREAD)
            self.started = now

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait(self, until: float) -> None:
        """Wait for its end, and kill it when that does not come; its leases make that safe."""
        if self.process is not None:
            try:
                self.process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def supervise(settings: Settings) -> None:
    """Run dispatcher and workers until SIGTERM or SIGINT, or until the process that started this one is gone."""
    start_logging(settings, "supervisor")
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: stopping.append(number))
    parent = os.getppid()
    with only_one(settings):
        dispatcher = _Child(("dispatcher",))
        workers = [_Child(("worker", TaskKind.ENCODE, f"encode-{i}")) for i in range(settings.encode_workers)]
        workers.append(_Child(("worker", TaskKind.TRAIN, "train-0")))
        while not stopping and os.getppid() == parent:
            for child in (dispatcher, *workers):
                child.watch()
            time.sleep(_WATCH_S)
        # Workers first: each finishes what it holds while the dispatcher is still there to answer clients.
        # What does not finish in time is killed, and taken up again from the table at the next start.
        until = time.monotonic() + _STOP_GRACE_S
        for stopped in (workers, [dispatcher]):
            for child in stopped:
                child.stop()
            for child in stopped:
                child.wait(until)
    logger.info("stopped")
