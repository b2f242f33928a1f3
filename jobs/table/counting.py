"""How much there is and how much waits, for whoever watches the service."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from sqlalchemy import ColumnElement, Connection, Table, func, select, true

from features.database import Database
from jobs.table.tables import BuildState, FileState, TaskKind, TaskState, builds, files, recognizers, tasks


@dataclass(frozen=True)
class Counts:
    """Recognizers that are not erased, builds and files by their state, and tasks by kind and state."""

    recognizers: int
    builds: dict[tuple[str, ...], int]
    files: dict[tuple[str, ...], int]
    tasks: dict[tuple[str, ...], int]


def count(database: Database, tenant: str | None = None) -> Counts:
    """What is in the tables now, of a tenant or of all; what there is none of is counted as zero."""
    own = true() if tenant is None else recognizers.c.tenant == tenant
    numbers = select(builds.c.number).join(recognizers, recognizers.c.id == builds.c.recognizer_id).where(own)
    with database.read() as connection:
        known = connection.scalar(select(func.count()).where(recognizers.c.erased_at.is_(None), own))
        return Counts(
            recognizers=known or 0,
            builds=_counted(connection, builds, builds.c.number.in_(numbers), state=BuildState),
            files=_counted(connection, files, files.c.build.in_(numbers), state=FileState),
            tasks=_counted(connection, tasks, tasks.c.build.in_(numbers), kind=TaskKind, state=TaskState),
        )


def _counted(
    connection: Connection, table: Table, own: ColumnElement[bool], **columns: type[StrEnum]
) -> dict[tuple[str, ...], int]:
    """How many of those rows have each combination of what columns may hold."""
    chosen = [table.c[name] for name in columns]
    rows = connection.execute(select(*chosen, func.count()).where(own).group_by(*chosen))
    found = {tuple(row[:-1]): row[-1] for row in rows}
    return {key: found.get(key, 0) for key in product(*columns.values())}
