"""Leases without a clock on the wall: a claim runs out when it gave no sign of life while this process watched."""

import time
from collections.abc import Callable, Iterable

#: Seconds without a sign of life after which a claim is taken back. Workers are watched by their supervisor, whose
#: limits are far shorter; this is for what it cannot see. Longer than the longest work without a sign, a video.
LEASE_S = 900.0


class LeaseWatch:
    """Since when each claim has been as it is, by a clock that nobody can set; begins anew with each process."""

    def __init__(self, lease_s: float = LEASE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._lease_s = lease_s
        self._clock = clock
        self._since: dict[tuple[str, int], float] = {}

    def overdue(self, leases: Iterable[tuple[str, int]]) -> set[str]:
        """The tokens of those that have run out, of all leases: tokens, each with how often it was renewed."""
        now = self._clock()
        self._since = {lease: self._since.get(lease, now) for lease in leases}
        return {token for (token, _), since in self._since.items() if now - since > self._lease_s}
