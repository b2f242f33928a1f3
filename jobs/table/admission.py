"""On what terms a request for a build is accepted."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, func, select

from constants.exceptions import Overloaded
from features.database import Database
from jobs.table.idempotency import KeyedRequest, accept_once, remember
from jobs.table.quotas import BUILDS, Allowance
from jobs.table.tables import OPEN_STATES, builds

#: Bytes of the disk that a request leaves free: for the table, for bundles, and for those that are under way.
_RESERVED_BYTES = 256 << 20


def refuse_overload(database: Database, max_open: int) -> None:
    """Raise ``Overloaded`` while ``max_open`` builds or more are unfinished: asked before a request is received."""
    with database.read() as connection:
        _refuse_too_many(connection, max_open)


def refuse_full_disk(folder: Path, size: int) -> None:
    """Raise ``Overloaded`` where a disk has no room for a request of so many bytes, likewise."""
    # Twice: an archive is there, too, while it is unpacked.
    if shutil.disk_usage(folder).free < 2 * size + _RESERVED_BYTES:
        raise Overloaded("The disk has no room for this now; try again later, or send less.", retry_after_s=60)


@dataclass(frozen=True)
class Admission:
    """Accepted is a request once, if it has a key, as far as an ``allowance`` goes, and while fewer than ``max_open``
    builds are unfinished. Its files are in the data folder of a ``node``, if no other one reaches them.
    """

    max_open: int
    request: KeyedRequest | None = None
    allowance: Allowance = field(default_factory=Allowance)
    node: str | None = None

    def check(self, connection: Connection) -> None:
        """Raise as ``accept_once`` or the allowance does, or ``Overloaded`` while too many builds are unfinished.

        Asked in the transaction that accepts the request, before anything else in it.
        """
        accept_once(connection, self.request)
        self.allowance.check(connection, BUILDS)
        _refuse_too_many(connection, self.max_open)

    def note(self, connection: Connection, recognizer_id: str, version: int) -> None:
        """Write down what came of the request, in that transaction."""
        self.allowance.use(connection, BUILDS)
        remember(connection, self.request, recognizer_id, version)


def _refuse_too_many(connection: Connection, max_open: int) -> None:
    waiting = connection.scalar(select(func.count()).where(builds.c.state.in_(OPEN_STATES)))
    if waiting is not None and waiting >= max_open:
        raise Overloaded("Too many builds are waiting already; try again later.", retry_after_s=60)
