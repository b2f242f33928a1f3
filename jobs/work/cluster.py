"""A Dask cluster as this service uses it: who is in it, whether they fit, and a stage that is run by one of them."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError
from typing import Any

from constants.exceptions import InvalidSettings, MachineFault, StageLost
from constants.release import VERSION
from jobs.work import cluster_stages
from preprocessor.steps import BeforeEach, unwatched
from preprocessor.version import REVISION

#: What has to be installed where a cluster is used.
_PACKAGE = "distributed>=2026.8,<2027"
#: Seconds in which a scheduler has to answer.
_CONNECT_S = 5.0
#: Seconds between two looks whether an answer is still wanted, and whether anybody is left to give it.
_LOOK_S = 0.5
#: Seconds between two looks whether all workers have said what they are.
_ASK_S = 0.05
#: Dask tries to connect for half a minute, notes the code that asked, and warns of large arguments: ours are pictures.
_CONFIG = {
    "distributed.diagnostics.computations.nframes": 0,
    "distributed.comm.timeouts.connect": f"{_CONNECT_S} s",
    "distributed.admin.large-graph-warning-threshold": "1 GB",
}
#: How answers are read: bytes, numbers and text. What comes back is never unpickled.
_ANSWERS = ("dask", "msgpack")


class Cluster:
    """The workers behind a scheduler that have this release; the threads of a process may share it."""

    def __init__(self, address: str) -> None:
        """Raises ``InvalidSettings`` where Dask is not installed."""
        try:
            import distributed
        except ImportError as error:
            raise InvalidSettings(
                f"FACIAL_CLUSTER needs the Python package 'distributed'; install it: pip install '{_PACKAGE}'."
            ) from error
        self._dask = distributed
        self._address = address
        self._client: Any = None
        #: Of each worker that is there and has said what it is, a sentence that says why it is not used, or None.
        self._judged: dict[str, str | None] = {}
        #: What the others were asked.
        self._asked: dict[str, Any] = {}

    @property
    def is_connected(self) -> bool:
        """Whether the scheduler answered when it was last asked."""
        return self._client is not None

    @property
    def workers(self) -> list[str]:
        """The addresses of those that can be given work."""
        return [worker for worker, refusal in self._judged.items() if refusal is None]

    @property
    def refusals(self) -> list[str]:
        """A sentence about each worker that cannot."""
        return [refusal for refusal in self._judged.values() if refusal is not None]

    def look(self, patience_s: float = 0.0) -> None:
        """See who is there by now, connecting first where that is needed; nobody, where the scheduler is away.

        A worker is used once it has said what it is; ``patience_s`` is how long that is waited for.
        """
        try:
            if self._client is None:
                self._client = self._connect()
            threads = self._client.nthreads()
            self._ask(threads.keys() - self._judged.keys() - self._asked.keys())
            until = time.monotonic() + patience_s
            while any(asked.status == "pending" for asked in self._asked.values()) and time.monotonic() < until:
                time.sleep(_ASK_S)
            self._judge(threads)
        # A connection that broke is an OSError of Dask's; the others are of an answer that was just being fetched.
        except (OSError, CancelledError, self._dask.KilledWorker):
            self.close()

    def run(self, stage: Callable[..., list[bytes]], *arguments: Any, alive: BeforeEach = unwatched) -> list[bytes]:
        """What a stage of ``cluster_stages`` answers; ``alive`` is called while it is waited for, and may end that.

        Raises ``StageLost`` where its worker is gone or fails at it, and ``MachineFault`` where the cluster is gone.
        """
        client, workers = self._client, self.workers
        if client is None or not workers:
            raise MachineFault("No worker of the cluster can be given work.")
        future = client.submit(stage, VERSION, *arguments, pure=False, workers=workers)
        return _content(self._wait(client, future, workers, alive))

    def close(self) -> None:
        """Let go of the scheduler."""
        client, self._client, self._judged, self._asked = self._client, None, {}, {}
        if client is not None:
            client.close(timeout=_CONNECT_S)

    def _connect(self) -> Any:
        import dask

        dask.config.set(_CONFIG)
        client: Any = self._dask.Client(  # type: ignore[no-untyped-call]
            self._address, timeout=_CONNECT_S, set_as_default=False, name="facial", deserializers=_ANSWERS
        )
        # Dask collects what is said within 10 ms of the word before, which a lone stage then waits for.
        client.scheduler_comm.interval = 0.0
        return client

    def _ask(self, workers: Iterable[str]) -> None:
        """Ask those who are new what they are; there is no picture in that."""
        for worker in workers:
            self._asked[worker] = self._client.submit(cluster_stages.versions, pure=False, workers=[worker])

    def _judge(self, threads: dict[str, int]) -> None:
        """Take in what workers said, of all that are there, each with the number of its threads."""
        known = {worker: refusal for worker, refusal in self._judged.items() if worker in threads}
        said = {worker: asked for worker, asked in self._asked.items() if worker in threads}
        self._asked = {worker: asked for worker, asked in said.items() if asked.status == "pending"}
        self._judged = known | {
            worker: _refusal(worker, threads[worker], asked)
            for worker, asked in said.items()
            if asked.status in ("finished", "error")  # else it is asked again
        }

    def _wait(self, client: Any, future: Any, workers: list[str], alive: BeforeEach) -> list[bytes]:
        async def answer() -> list[bytes]:
            answered: list[bytes] = await future
            return answered

        # On Dask's own loop: its way to wait from a thread for a time forgets an answer that comes just then.
        waiting = asyncio.run_coroutine_threadsafe(answer(), client.loop.asyncio_loop)
        try:
            while True:
                alive()
                try:
                    return waiting.result(_LOOK_S)
                except TimeoutError:
                    if set(workers).isdisjoint(self.workers):
                        raise MachineFault("The cluster's workers are gone.") from None
                except CancelledError as error:
                    raise MachineFault("The cluster's scheduler is gone.") from error
                except Exception as error:  # a stage raises nothing, so that it is its worker that ended
                    raise StageLost("The cluster's worker is gone.") from error
        finally:
            waiting.cancel()  # a stage that nobody waits for any more is dropped


def _refusal(worker: str, threads: int, asked: Any) -> str | None:
    """Why a worker cannot be used, by what it was asked, which failed where it has no such code."""
    mend = f"install {VERSION} there, and start it again."
    if asked.status == "error":
        return f"The cluster's worker {worker}, or its scheduler, has no release of this service: {mend}"
    said = json.loads(asked.result())
    if said != json.loads(cluster_stages.versions()):
        theirs = f"the release {said['release']} (pipeline {said['pipeline']})"
        return f"The cluster's worker {worker} has {theirs}, and here is {VERSION} (pipeline {REVISION}): {mend}"
    if threads != 1:
        return f"The cluster's worker {worker} has {threads} threads: start it with --nthreads 1."
    return None


def _content(answer: list[bytes]) -> list[bytes]:
    """What follows an answer's header. Raises ``StageLost`` where that names an error.

    Whose doing it was is not known from here: a disk of that machine's may be full, another release may run there.
    """
    header = json.loads(answer[0])
    if "error" in header:
        raise StageLost(f"The stage ended by {header['error']}.")
    return answer[1:]
