"""How a training says how far it is, from whatever process it runs in."""

import time
from dataclasses import dataclass
from functools import lru_cache

from features.database import Database
from jobs.table import tasks
from jobs.work.pulse import Step
from modelization.training_progress import Progress

#: Seconds between two records of a training's progress, each of which is a synced write.
_PROGRESS_INTERVAL_S = 0.5
#: A training may be silent for so long: the loading of TensorFlow, the proof of what was exported.
TRAINING = Step(180.0)


@lru_cache(maxsize=1)
def _database(url: str) -> Database:
    return Database(url)


@dataclass
class TrainingReport:
    """Records how far a training is; can be pickled.

    Raises ``BuildCancelled`` once the lease is gone, ``WorkerStopping`` where the worker is to stop.
    """

    database_url: str
    claim: tasks.Claim
    _last: float = 0.0

    def __call__(self, progress: Progress) -> None:
        TRAINING()
        now = time.monotonic()
        if progress.done < progress.total and now - self._last < _PROGRESS_INTERVAL_S:
            return
        self._last = now
        tasks.report_progress(_database(self.database_url), self.claim, progress)
