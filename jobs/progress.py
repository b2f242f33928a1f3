"""How a training says how far it is, from whatever process it runs in."""

import time
from dataclasses import dataclass
from functools import lru_cache

from constants.jobs import PROGRESS_INTERVAL_S
from features.database import Database
from jobs import tasks


@lru_cache(maxsize=1)
def _database(url: str) -> Database:
    return Database(url)


@dataclass
class EpochReport:
    """Records epochs done of epochs in all; can be pickled. Raises ``BuildCancelled`` once the lease is gone."""

    database_url: str
    claim: tasks.Claim
    _last: float = 0.0

    def __call__(self, _what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done < total and now - self._last < PROGRESS_INTERVAL_S:
            return
        self._last = now
        tasks.report_epochs(_database(self.database_url), self.claim, done, total)
