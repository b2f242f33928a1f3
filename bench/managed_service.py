"""The service under a manager that starts it again whenever it ends, as a service manager or a container does."""

import signal
import subprocess
import threading
import time
from pathlib import Path

from bench.running_service import RunningService, free_port, start_service, wait_until
from bench.service_processes import Member, Roster

#: Seconds that the manager waits before it starts the service again.
_RESTART_S = 0.2
#: Seconds that a client waits for an answer: longer than a process is stopped for.
_ANSWER_S = 60.0
#: Seconds that processes have to follow their master.
_FOLLOW_S = 30.0


class ManagedService:
    """A service that is to run, in a data folder; its log goes to a file."""

    def __init__(self, data_dir: Path, log: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.log = log
        self.roster = Roster()
        self.starts = 0
        self._environment = environment
        self._port = free_port()
        self._stopping = threading.Event()
        self._master: subprocess.Popen[bytes] | None = None
        self._manager = threading.Thread(target=self._manage, name="service manager", daemon=True)

    @property
    def database(self) -> Path:
        return self.data_dir / "facial.sqlite"

    def client(self, patience_s: float = _ANSWER_S) -> RunningService:
        return RunningService(self._port, patience_s)

    def start(self) -> None:
        """Start it, and return once it is ready."""
        self._manager.start()
        wait_until(self.client().is_ready, "the service to start")

    def stop(self) -> list[Member]:
        """Stop it as a service manager does; the processes that are left half a minute later, killed by then."""
        self._stopping.set()
        if self._master is not None:
            self.roster.members()
            self._master.send_signal(signal.SIGTERM)
        self._manager.join(_FOLLOW_S)
        until = time.monotonic() + _FOLLOW_S
        while (left := self.roster.members()) and time.monotonic() < until:
            time.sleep(0.1)
        for member in left:
            member.process.kill()
        return left

    def kill(self) -> None:
        """End all its processes at once."""
        self._stopping.set()
        for member in self.roster.members():
            member.process.kill()

    def _manage(self) -> None:
        while not self._stopping.is_set():
            with self.log.open("ab") as log:
                self._master = start_service(self.data_dir, self._port, log, **self._environment)
            self.starts += 1
            self.roster.add(self._master.pid)
            self._master.wait()
            self._stopping.wait(_RESTART_S)
