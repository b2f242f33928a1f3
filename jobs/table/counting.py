"""How much there is and how much waits, for whoever watches the service."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from sqlalchemy import Connection, Table, func, select

from features.database import Database
from jobs.table.tables import BuildState, FileState, TaskKind, TaskState, builds, files, recognizers, tasks


@dataclass(frozen=True)
class Counts:
    """Recognizers that are not erased, builds and files by their state, and tasks by kind and state."""

    recognizers: int
    builds: dict[tuple[str, ...], int]
    files: dict[tuple[str, ...], int]
    tasks: dict[tuple[str, ...], int]


def count(database: Database) -> Counts:
    """What is in the tables now; what there is none of is counted as zero."""
    with database.read() as connection:
        known = connection.scalar(select(func.count()).where(recognizers.c.erased_at.is_(None)))
        return Counts(
            recognizers=known or 0,
            builds=_counted(connection, builds, state=BuildState),
            files=_counted(connection, files, state=FileState),
            tasks=_counted(connection, tasks, kind=TaskKind, state=TaskState),
        )


def _counted(connection: Connection, table: Table, **columns: type[StrEnum]) -> dict[tuple[str, ...], int]:
    """How many rows have each combination of what columns may hold."""
    chosen = [table.c[name] for name in columns]
    rows = connection.execute(select(*chosen, func.count()).group_by(*chosen))
    found = {tuple(row[:-1]): row[-1] for row in rows}
    return {key: found.get(key, 0) for key in product(*columns.values())}
