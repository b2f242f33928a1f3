"""A thread of the dispatcher's process that deletes what is left over, so that no photo waits for it."""

import math
import threading
import time

from jobs.machine_faults import is_machine_fault
from jobs.work.tidying import sweep, tidy, tidy_objects
from jobs.workplace import Workplace
from logger import logger

#: Seconds between two looks for what processes that ended left, and for erasures that are pending.
_SWEEP_S = 0.5
#: Seconds between two looks at all files: what only these find is left where a process was killed between two steps.
_TIDY_S = 20.0
#: Seconds between two looks at all objects, likewise, where each look costs something.
_TIDY_OBJECTS_S = 600.0


class Sweeper(threading.Thread):
    """Sweeps until it is told to stop; what the machine does not let it do is done at a later turn."""

    def __init__(self, workplace: Workplace) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._workplace = workplace
        self._stopping = threading.Event()
        self._tidied = self._tidied_objects = -math.inf

    def run(self) -> None:
        while not self._stopping.wait(_SWEEP_S):
            try:
                self._turn()
            except Exception as error:
                if is_machine_fault(error):
                    logger.warning("what is left over is swept later: {}", type(error).__name__)
                else:
                    logger.exception("sweeping failed")
                self._stopping.wait(_TIDY_S)

    def stop(self) -> None:
        """End after the turn that is under way, and wait for it."""
        self._stopping.set()
        self.join()

    def _turn(self) -> None:
        database, storage = self._workplace.database, self._workplace.storage
        sweep(database, storage)
        if time.monotonic() - self._tidied >= _TIDY_S:
            self._tidied = time.monotonic()
            tidy(database, storage)
        if storage.is_shared and time.monotonic() - self._tidied_objects >= _TIDY_OBJECTS_S:
            self._tidied_objects = time.monotonic()
            tidy_objects(database, storage)
