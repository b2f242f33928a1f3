"""How much each key may ask for: counted in the table, so that all web processes count together.

In windows that begin at full minutes and days of UTC: what is left, and until when, can be said exactly.
"""

import math
import time
from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select

from constants.exceptions import QuotaExceeded
from features.database import Held, hold, upsert
from jobs.table.access_keys import LOCAL
from jobs.table.tables import DEFAULT_TENANT, recognizers, usage

_MINUTE_S, _DAY_S = 60, 24 * 60 * 60
#: Seconds after which whoever has as many recognizers as allowed is told to ask again: nobody knows better.
_ROOM_RETRY_S = 60 * 60


@dataclass(frozen=True)
class Quota:
    """What is counted, in windows of so many seconds and in which unit, and what it is called."""

    what: str
    window_s: int
    called: str
    unit: int = 1


BUILDS = Quota("builds", _DAY_S, "builds a day")
RECOGNITIONS = Quota("recognitions", _MINUTE_S, "recognitions a minute")
BYTES = Quota("bytes", _DAY_S, "MiB a day", 1 << 20)


@dataclass(frozen=True)
class Allowance:
    """Who asks, for which tenant, and how much of each quota that may use; what is not named is not limited."""

    caller: str = LOCAL
    tenant: str = DEFAULT_TENANT
    most: tuple[tuple[Quota, int], ...] = ()
    max_recognizers: int = 0

    def check(self, connection: Connection, quota: Quota, amount: int = 1) -> None:
        """Raise ``QuotaExceeded`` where an amount more would be too much."""
        if amount:
            self._refuse_over(quota, self._used(connection, quota) + amount)

    def use(self, connection: Connection, quota: Quota, amount: int = 1) -> None:
        """Count an amount, within the caller's transaction. Raises as ``check`` does, for that to be taken back."""
        if not amount or not dict(self.most).get(quota):
            return
        row = {"caller": self.caller, "what": quota.what, "since": _since(quota), "used": amount}
        more = case((usage.c.since == row["since"], usage.c.used), else_=0) + amount
        counted = upsert(connection, usage, row, {"since": row["since"], "used": more}).returning(usage.c.used)
        self._refuse_over(quota, connection.execute(counted).scalar_one())

    def take_room(self, connection: Connection) -> None:
        """Raise as ``check_room``; what is found stays so until the caller's transaction ends."""
        if self.max_recognizers:
            hold(connection, Held.TENANT, self.tenant)
            self.check_room(connection)

    def check_room(self, connection: Connection) -> None:
        """Raise ``QuotaExceeded`` where the tenant has as many recognizers as it may."""
        own = select(func.count()).where(recognizers.c.tenant == self.tenant, recognizers.c.erased_at.is_(None))
        if self.max_recognizers and (connection.scalar(own) or 0) >= self.max_recognizers:
            raise QuotaExceeded(
                f"You may have {self.max_recognizers} recognizers, and this would be one more; delete one first.",
                _ROOM_RETRY_S,
            )

    def _refuse_over(self, quota: Quota, used: int) -> None:
        most = dict(self.most).get(quota, 0)
        if most and used > most * quota.unit:
            raise QuotaExceeded(
                f"You may have {most} {quota.called}, and this would be more; send it again later.",
                math.ceil(_since(quota) + quota.window_s - time.time()),
            )

    def _used(self, connection: Connection, quota: Quota) -> int:
        own = (usage.c.caller == self.caller) & (usage.c.what == quota.what) & (usage.c.since == _since(quota))
        return connection.scalar(select(usage.c.used).where(own)) or 0


def _since(quota: Quota) -> int:
    """When the window began that is now, in seconds since 1970."""
    return int(time.time()) // quota.window_s * quota.window_s
