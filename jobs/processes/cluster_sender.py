"""The process that has pictures encoded by a cluster: it claims batches, sends them there, and records what comes.

It holds as many claims as the cluster has workers, and a few that are on their way. The service's own workers go on
beside it, and do alone what was broken off: with them it is known which picture ended a process.
"""

import os
import signal
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace

from constants.settings import Settings
from jobs.machine_faults import is_machine_fault
from jobs.processes.pauses import Pauses
from jobs.table import tasks
from jobs.table.tables import TaskKind
from jobs.table.tasks import Claim, Ending
from jobs.work import pulse, runner
from jobs.work.cluster import Cluster
from jobs.work.cluster_executor import ClusterExecutor
from jobs.workplace import Workplace
from logger import logger, start_logging

#: Batches of one node that are sent at a time, whatever the cluster's size: each takes a thread and some 100 MB.
_MOST_BATCHES = 64
#: Seconds between two looks at the table, at the cluster, and until what could not be given back is tried again.
_TABLE_S, _CLUSTER_S, _AGAIN_S = 0.5, 2.0, 1.0
#: Seconds that a turn may take, in which the scheduler may have to be asked twice.
_TURN_S = 60.0


def batches_for(workers: int) -> int:
    """How many batches are sent at a time: one that each worker is at, and one on its way to every second of them."""
    return min(workers + (workers + 1) // 2, _MOST_BATCHES)


class ClusterSender:
    """Sends batches of pictures to a cluster for as long as it runs; ``name`` is what they are claimed under."""

    def __init__(self, workplace: Workplace, cluster: Cluster, name: str) -> None:
        self._workplace = replace(workplace, executor=ClusterExecutor(cluster))
        self._cluster = cluster
        self._name = name
        self._sent: set[Future[bool]] = set()
        self._pauses = Pauses()
        self._last_build = 0
        #: Whether the scheduler was there when last looked at, with how many workers, and what was said of others.
        self._seen: tuple[bool, int, list[str]] = (False, 0, [])

    def run(self, parent: int) -> None:
        """Work until told to stop, or until the process ``parent`` is gone."""
        looked = -_CLUSTER_S
        with ThreadPoolExecutor(_MOST_BATCHES, "batch") as pool:
            try:
                while not pulse.own.is_stopping and os.getppid() == parent:
                    pulse.own.begin(_TURN_S)
                    if time.monotonic() - looked >= _CLUSTER_S:
                        self._look()
                        looked = time.monotonic()
                    self._send(pool)
                    self._take_in()
            finally:
                pulse.own.stop()  # what was sent is broken off, and given back
        self._cluster.close()

    def _look(self) -> None:
        connected, workers, refusals = self._seen
        self._cluster.look()
        self._seen = self._cluster.is_connected, len(self._cluster.workers), self._cluster.refusals
        if self._seen[:2] != (connected, workers):
            where = "there" if self._cluster.is_connected else "away"
            logger.info("the cluster's scheduler is {}, workers: {}", where, len(self._cluster.workers))
        for refusal in self._cluster.refusals:
            if refusal not in refusals:
                logger.warning("{}", refusal)

    def _send(self, pool: ThreadPoolExecutor) -> None:
        """Claim as much as the cluster has room for."""
        while len(self._sent) < batches_for(len(self._cluster.workers)) and self._pauses.is_over(TaskKind.ENCODE):
            claim = self._claim()
            if claim is None:
                return
            self._last_build = claim.build
            self._sent.add(pool.submit(self._encode, claim))

    def _claim(self) -> Claim | None:
        try:
            here = self._workplace
            return tasks.claim_unbroken(here.database, self._name, self._last_build, here.node)
        except Exception as error:
            if not is_machine_fault(error):
                raise
            logger.warning("the table cannot be used for now: {}", type(error).__name__)
            self._pauses.begin(TaskKind.ENCODE)
            return None

    def _take_in(self) -> None:
        """Wait for a batch that is done, or until the table may have more."""
        if not self._sent:
            time.sleep(_TABLE_S)
            return
        done, self._sent = wait(self._sent, _TABLE_S, FIRST_COMPLETED)
        for batch in done:
            if batch.result():
                self._pauses.end(TaskKind.ENCODE)
            else:
                self._pauses.begin(TaskKind.ENCODE)

    def _encode(self, claim: Claim) -> bool:
        """Bring a claim to its end, or give it back; ``False`` where the machine, or the cluster, is at fault."""
        went_well = runner.run(self._workplace, claim)
        if not went_well:
            self._give_back(claim, Ending.TROUBLED)
        else:  # nothing, where it is done
            self._give_back(claim, Ending.STOPPED if pulse.own.is_stopping else Ending.INTERRUPTED)
        return went_well

    def _give_back(self, claim: Claim, ending: Ending) -> None:
        while True:
            try:
                return tasks.give_back(self._workplace.database, claim, ending)
            except Exception as error:
                # One that cannot be given back while this process stops is freed with all that it held.
                if not is_machine_fault(error) or pulse.own.is_stopping:
                    raise
                time.sleep(_AGAIN_S)


def run_sender(settings: Settings, name: str, parent: int) -> None:
    """The main function of the sender's process: serve until SIGTERM."""
    start_logging(settings, "cluster")
    signal.signal(signal.SIGTERM, lambda *_: pulse.own.stop())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the supervisor decides
    workplace = Workplace.patiently(settings)
    try:
        ClusterSender(workplace, Cluster(settings.cluster), name).run(parent)
    finally:
        workplace.database.close()
    logger.info("stopped")
