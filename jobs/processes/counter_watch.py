"""Signs of life without a clock on the wall: counters that others raise, and that must not stand still for long."""

import time
from collections.abc import Callable, Iterable


class CounterWatch:
    """Since when each counter has stood still, by a clock that nobody can set; begins anew with each process.

    It also begins anew after a while in which nobody looked: this process stood still, or the table could not be read,
    and nobody else could write there either.
    """

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """``limit_s`` is how many seconds a counter may stand still; it is looked at far more often."""
        self._limit_s = limit_s
        self._clock = clock
        self._looked = clock()
        self._since: dict[tuple[str, int], float] = {}

    def standing_still(self, counters: Iterable[tuple[str, int]]) -> set[str]:
        """The names of those that have stood still for too long, of all counters: names, each with its number."""
        now = self._clock()
        known = self._since if now - self._looked <= self._limit_s / 3 else {}
        self._looked, self._since = now, {counter: known.get(counter, now) for counter in counters}
        return {name for (name, _), since in self._since.items() if now - since > self._limit_s}
