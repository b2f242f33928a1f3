"""A Dask cluster on the loopback address: a scheduler, and workers that join and leave it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from bench.running_service import free_port, wait_until
from jobs.work.cluster import Cluster

_ROOT = Path(__file__).parents[1]
#: A stage whose worker ended is given back at once; Dask would else try it on three others first.
_GIVEN_BACK_AT_ONCE = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}

Process = subprocess.Popen[bytes]


class RunningCluster:
    """A scheduler on a port of its own; its log, and what workers keep, are in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._port = free_port()
        self.address = f"tcp://127.0.0.1:{self._port}"
        self.scheduler: Process | None = None
        self.workers: list[Process] = []

    def start(self, code: Path = _ROOT) -> None:
        """Start the scheduler, at the same address each time, with the project's code in a folder."""
        self.scheduler = self._start("scheduler", "--port", str(self._port), "--no-dashboard", code=code)

    def add_worker(self, code: Path = _ROOT, threads: int = 1) -> Process:
        """Let a worker join, which has the project's code in a folder."""
        folders = ("--local-directory", str(self.folder))
        options = ("--nthreads", str(threads), "--no-nanny", "--no-dashboard")
        worker = self._start("worker", self.address, *options, *folders, code=code)
        self.workers.append(worker)
        return worker

    def computed_s(self) -> float:
        """Seconds that scheduler and workers have computed."""
        times = [psutil.Process(process.pid).cpu_times() for process in self._processes()]
        return float(sum(time.user + time.system for time in times))

    def stop(self) -> None:
        """End all of it, the scheduler first: it has no word about its workers any more."""
        started = self._processes()
        for process in started:
            process.kill()
        for process in started:
            process.wait()
        self.workers.clear()

    def _processes(self) -> list[Process]:
        return [*([self.scheduler] if self.scheduler else []), *self.workers]

    def _start(self, command: str, *options: str, code: Path) -> Process:
        usual = {name: value for name, value in os.environ.items() if not name.startswith(("FACIAL_", "DASK_"))}
        own = {"PYTHONPATH": str(code), "FACIAL_DATA_DIR": str(self.folder / "data")}
        program = Path(sys.executable).parent / "dask"
        with (self.folder / "cluster.log").open("ab") as log:
            return subprocess.Popen(
                [program, command, "--host", "127.0.0.1", *options],
                cwd=self.folder,
                env=usual | _GIVEN_BACK_AT_ONCE | own,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


@contextmanager
def running_cluster(folder: Path, workers: int) -> Iterator[RunningCluster]:
    """A cluster with so many workers that can be given work, ended afterwards."""
    running = RunningCluster(folder)
    try:
        running.start()
        for _ in range(workers):
            running.add_worker()
        wait_until_joined(Cluster(running.address), workers)
        yield running
    finally:
        running.stop()


def wait_until_joined(cluster: Cluster, workers: int) -> None:
    """Return once so many workers can be given work; ends the run where that takes too long."""

    def joined() -> bool:
        cluster.look()
        return len(cluster.workers) == workers

    try:
        wait_until(joined, f"{workers} workers of the cluster")
    finally:
        cluster.close()
