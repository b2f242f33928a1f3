"""How a training says how far it is, from whatever process it runs in."""

import time
from dataclasses import dataclass
from functools import lru_cache

from features.database import Database
from jobs.table import tasks
from jobs.work.pulse import Step
from modelization.training_progress import Progress

#: Seconds between two records of a training's progress, each of which is a synced write, and between two that say
#: the same again: that is a sign of life, and enough of it where the supervisor waits for minutes.
_PROGRESS_INTERVAL_S, _SIGN_OF_LIFE_S = 0.5, 5.0
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
    _told: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        TRAINING()
        now = time.monotonic()
        if now - self._last < self._pause_s(progress):
            return
        self._last, self._told = now, progress
        tasks.report_progress(_database(self.database_url), self.claim, progress)

    def again(self) -> None:
        """Give a sign of life, for what cannot be counted."""
        if self._told is None:
            TRAINING()
        else:
            self(self._told)

    def _pause_s(self, progress: Progress) -> float:
        """Seconds since the last record before there is another; none before a stage's end."""
        if progress == self._told:
            return _SIGN_OF_LIFE_S
        return _PROGRESS_INTERVAL_S if progress.done < progress.total else 0.0
