"""How much there is and how much waits, for whoever watches the service."""

import time
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, product

from sqlalchemy import ColumnElement, Connection, Table, func, select, true

from features.database import Database
from jobs.table.tables import (
    BuildState,
    FileState,
    TaskKind,
    TaskState,
    broken_off,
    builds,
    durations,
    files,
    recognizers,
    tasks,
)
from jobs.table.tasks import Ending
from jobs.table.work_counts import DURATIONS_S, Work


@dataclass(frozen=True)
class Durations:
    """How long some work took: how often it was done, within each of ``DURATIONS_S`` or less; the sum in seconds."""

    within: tuple[int, ...]
    seconds: float


@dataclass(frozen=True)
class Counts:
    """Recognizers that are not erased, builds and files by their state, and tasks by kind and state.

    ``oldest_s`` is how many seconds ago the oldest waiting task was queued, by kind, 0 where none waits. Work that was
    ``broken_off`` is counted by kind and ending since the data folder was made, what was ``given_up`` by kind.
    """

    recognizers: int
    builds: dict[tuple[str, ...], int]
    files: dict[tuple[str, ...], int]
    tasks: dict[tuple[str, ...], int]
    oldest_s: dict[tuple[str, ...], float]
    broken_off: dict[tuple[str, ...], int]
    given_up: dict[tuple[str, ...], int]
    durations: dict[Work, Durations]


def count(database: Database, tenant: str | None = None) -> Counts:
    """What is in the tables now, of a tenant or of all; what there is none of is counted as zero."""
    own = true() if tenant is None else recognizers.c.tenant == tenant
    numbers = select(builds.c.number).join(recognizers, recognizers.c.id == builds.c.recognizer_id).where(own)
    with database.read() as connection:
        ended = _broken_off(connection)
        known = connection.scalar(select(func.count()).where(recognizers.c.erased_at.is_(None), own))
        return Counts(
            recognizers=known or 0,
            builds=_counted(connection, builds, builds.c.number.in_(numbers), state=BuildState),
            files=_counted(connection, files, files.c.build.in_(numbers), state=FileState),
            tasks=_counted(connection, tasks, tasks.c.build.in_(numbers), kind=TaskKind, state=TaskState),
            oldest_s=_oldest(connection),
            broken_off={key: number for key, (number, _) in ended.items()},
            given_up={(kind,): sum(ended[kind, ending][1] for ending in Ending) for kind in TaskKind},
            durations={work: _durations(connection, work) for work in Work},
        )


def _counted(
    connection: Connection, table: Table, own: ColumnElement[bool], **columns: type[StrEnum]
) -> dict[tuple[str, ...], int]:
    """How many of those rows have each combination of what columns may hold."""
    chosen = [table.c[name] for name in columns]
    rows = connection.execute(select(*chosen, func.count()).where(own).group_by(*chosen))
    found = {tuple(row[:-1]): row[-1] for row in rows}
    return {key: found.get(key, 0) for key in product(*columns.values())}


def _oldest(connection: Connection) -> dict[tuple[str, ...], float]:
    waiting = select(tasks.c.kind, func.min(tasks.c.queued_at).label("queued_at"))
    waiting = waiting.where(tasks.c.state == TaskState.QUEUED).group_by(tasks.c.kind)
    since = {row.kind: row.queued_at for row in connection.execute(waiting)}
    now = time.time()
    return {(kind,): max(0.0, now - since.get(kind, now)) for kind in TaskKind}


def _broken_off(connection: Connection) -> dict[tuple[str, ...], tuple[int, int]]:
    """How often work was broken off, and how often for good, by kind and ending."""
    rows = connection.execute(select(broken_off)).all()
    found = {(row.kind, row.ending): (row.number, row.given_up) for row in rows}
    return {key: found.get(key, (0, 0)) for key in product(TaskKind, Ending)}


def _durations(connection: Connection, work: Work) -> Durations:
    rows = connection.execute(select(durations).where(durations.c.work == work)).all()
    numbers = {row.within_s: row.number for row in rows}
    within = tuple(accumulate(numbers.get(bound, 0) for bound in DURATIONS_S))
    return Durations(within, sum(row.seconds for row in rows))
