"""On what terms a request for a build is accepted."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from constants.exceptions import Overloaded
from jobs.table.idempotency import KeyedRequest, refuse_repeated, remember
from jobs.table.tables import DEFAULT_TENANT, OPEN_STATES, builds


@dataclass(frozen=True)
class Admission:
    """Accepted is a ``tenant``'s request while fewer than ``max_open`` builds are unfinished; once, if it has a key."""

    max_open: int
    request: KeyedRequest | None = None
    tenant: str = DEFAULT_TENANT

    def check(self, connection: Connection) -> None:
        """Raise ``Overloaded`` while too many builds are unfinished, or as ``refuse_repeated`` does, which goes first.

        Asked in the transaction that accepts the request, before anything else in it.
        """
        refuse_repeated(connection, self.request)
        waiting = connection.scalar(select(func.count()).where(builds.c.state.in_(OPEN_STATES)))
        if waiting is not None and waiting >= self.max_open:
            raise Overloaded("Too many builds are waiting already; try again later.", retry_after_s=60)

    def note(self, connection: Connection, recognizer_id: str, version: int) -> None:
        """Write down what came of the request, in that transaction."""
        remember(connection, self.request, recognizer_id, version)
