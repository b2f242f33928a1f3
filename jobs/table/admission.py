"""On what terms a request for a build is accepted."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select

from constants.exceptions import Overloaded
from features.database import Database
from jobs.table.idempotency import KeyedRequest, refuse_repeated, remember
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
    """Accepted is a request while fewer than ``max_open`` builds are unfinished, and once if it has a key."""

    max_open: int
    request: KeyedRequest | None = None

    def check(self, connection: Connection) -> None:
        """Raise ``Overloaded`` while too many builds are unfinished, or as ``refuse_repeated`` does, which goes first.

        Asked in the transaction that accepts the request, before anything else in it.
        """
        refuse_repeated(connection, self.request)
        _refuse_too_many(connection, self.max_open)

    def note(self, connection: Connection, recognizer_id: str, version: int) -> None:
        """Write down what came of the request, in that transaction."""
        remember(connection, self.request, recognizer_id, version)


def _refuse_too_many(connection: Connection, max_open: int) -> None:
    waiting = connection.scalar(select(func.count()).where(builds.c.state.in_(OPEN_STATES)))
    if waiting is not None and waiting >= max_open:
        raise Overloaded(f"{waiting} builds are waiting already; try again later.", retry_after_s=60)
