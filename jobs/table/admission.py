"""On what terms a request for a build is accepted."""

from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from constants.exceptions import Overloaded
from jobs.table.idempotency import KeyedRequest, refuse_repeated, remember
from jobs.table.quotas import BUILDS, Allowance
from jobs.table.tables import OPEN_STATES, builds


@dataclass(frozen=True)
class Admission:
    """Accepted is a request once, if it has a key, as far as an ``allowance`` goes, and while fewer than ``max_open``
    builds are unfinished.
    """

    max_open: int
    request: KeyedRequest | None = None
    allowance: Allowance = field(default_factory=Allowance)

    def check(self, connection: Connection) -> None:
        """Raise as ``refuse_repeated`` or the allowance does, or ``Overloaded`` while too many builds are unfinished.

        Asked in the transaction that accepts the request, before anything else in it.
        """
        refuse_repeated(connection, self.request)
        self.allowance.check(connection, BUILDS)
        waiting = connection.scalar(select(func.count()).where(builds.c.state.in_(OPEN_STATES)))
        if waiting is not None and waiting >= self.max_open:
            raise Overloaded("Too many builds are waiting already; try again later.", retry_after_s=60)

    def note(self, connection: Connection, recognizer_id: str, version: int) -> None:
        """Write down what came of the request, in that transaction."""
        self.allowance.use(connection, BUILDS)
        remember(connection, self.request, recognizer_id, version)
