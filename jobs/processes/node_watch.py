"""Nodes on one database: each beats, and what one holds that beats no more is taken back by whoever notices.

No clock is compared with another machine's: a beat is a number that grows, and how long it has stood still is measured
by whoever looks.
"""

import socket
import time
from collections.abc import Callable

from jobs.processes.counter_watch import CounterWatch
from jobs.table import nodes, tasks
from jobs.table.tasks import Ending
from jobs.workplace import Workplace
from logger import logger

#: Seconds between two beats of a node, at each of which it looks for the others'.
_BEAT_S = 1.0
#: Seconds without a beat after which a node is given up: a restart of its dispatcher takes less.
_GIVEN_UP_S = 15.0


class NodeWatch:
    """Beats for this node, and watches the others that hold work."""

    def __init__(self, given_up_s: float = _GIVEN_UP_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beats = CounterWatch(given_up_s, clock)
        self._beaten: float | None = None

    def turn(self, workplace: Workplace) -> None:
        """Beat, if it is time to, and take back what nodes hold that were given up. One that is alone does neither."""
        now = self._clock()
        if not workplace.node or (self._beaten is not None and now - self._beaten < _BEAT_S):
            return
        nodes.beat(workplace.database, workplace.node, socket.gethostname())
        self._beaten = now
        gone = self._beats.standing_still(nodes.beats_of_others(workplace.database, workplace.node))
        if gone:
            logger.warning("{} nodes that hold work are heard of no more: it is taken back", len(gone))
            tasks.release_nodes(workplace.database, gone, Ending.INTERRUPTED)
