"""How much there is and how much waits, for whoever watches the service."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select

from features.database import Database
from jobs.tables import BuildState, FileState, TaskKind, TaskState, builds, files, recognizers, tasks


@dataclass(frozen=True)
class Counts:
    """Recognizers that are not erased, builds and files by their state, and tasks by kind and state."""

    recognizers: int
    builds: dict[BuildState, int]
    files: dict[FileState, int]
    tasks: dict[tuple[TaskKind, TaskState], int]


def count(database: Database) -> Counts:
    """What is in the tables now; what there is none of is counted as zero."""
    with database.read() as connection:
        known = connection.scalar(select(func.count()).where(recognizers.c.erased_at.is_(None)))
        of_builds = {row.state: row.number for row in _grouped(connection, builds, "state")}
        of_files = {row.state: row.number for row in _grouped(connection, files, "state")}
        of_tasks = {(row.kind, row.state): row.number for row in _grouped(connection, tasks, "kind", "state")}
    return Counts(
        recognizers=known or 0,
        builds={state: of_builds.get(state, 0) for state in BuildState},
        files={state: of_files.get(state, 0) for state in FileState},
        tasks={(kind, state): of_tasks.get((kind, state), 0) for kind in TaskKind for state in TaskState},
    )


def _grouped(connection: Connection, table: Table, *names: str) -> list[Row[Any]]:
    columns = [table.c[name] for name in names]
    return list(connection.execute(select(*columns, func.count().label("number")).group_by(*columns)))
