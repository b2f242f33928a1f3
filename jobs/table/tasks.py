"""The life of a task: claimed with a lease, then done, retried or dead. Nothing else decides that.

A claim counts an attempt and takes a token. A result is accepted only with the token that the table
holds, so a worker that was thought dead and comes back changes nothing. A task whose worker vanished
is queued again, three times at most; then it is dead, its reason is kept, and its build goes on or
fails. Tasks that are finished are deleted: the table holds what is still to do, and what was given up.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from constants.exceptions import BuildCancelled
from constants.reasons import Reason
from features.database import Database
from features.store import FaceFeatures
from jobs.table.found_faces import insert_faces
from jobs.table.tables import BuildState, FileState, TaskKind, TaskState, builds, files, tasks
from modelization.training_progress import Progress

#: Times that a task is tried before it is dead; a crash of its worker counts as one.
MAX_ATTEMPTS = 3
#: Seconds that a claimed task may go without a sign of life before it is handed out again.
_ENCODE_LEASE_S = 60.0
#: Seconds; a training reports at every epoch, the longest silence is the import of TensorFlow.
_TRAIN_LEASE_S = 180.0
#: Pictures handed to a worker at once: enough to batch, few enough that little is done twice.
ENCODE_BATCH = 8

_LEASE_S = {TaskKind.ENCODE: _ENCODE_LEASE_S, TaskKind.TRAIN: _TRAIN_LEASE_S}


@dataclass(frozen=True)
class Claim:
    """Tasks of one build that one worker holds until its lease runs out."""

    kind: TaskKind
    build: int
    token: str


@dataclass(frozen=True)
class FileOutcome:
    """What came of encoding a file: its faces, or the reason why it is not used."""

    file: int
    faces: Sequence[FaceFeatures] = ()
    reason: Reason | None = None


@dataclass(frozen=True)
class Ended:
    """How a build ended: its state, a sentence, and of a ready one its bundle's file, manifest and SHA-256."""

    state: BuildState
    message: str
    bundle: str | None = None
    manifest: dict[str, Any] | None = None
    bundle_sha256: str | None = None


def claim(database: Database, kind: TaskKind, worker: str, after_build: int = 0) -> Claim | None:
    """Lease the next tasks of a kind to a worker; ``None`` where nothing waits.

    Builds take turns, beginning with the first one after ``after_build``, so that a small build does
    not wait for a large one. Pictures are handed out by the batch; one whose worker died is tried
    again alone, so that a picture that kills workers takes no others with it.
    """
    waiting = (tasks.c.kind == kind) & (tasks.c.state == TaskState.QUEUED)
    with database.write() as connection:
        build = connection.scalar(
            select(tasks.c.build).where(waiting).order_by(tasks.c.build <= after_build, tasks.c.build).limit(1)
        )
        if build is None:
            return None
        mine = select(tasks.c.id, tasks.c.attempts).where(waiting, tasks.c.build == build)
        rows = connection.execute(mine.order_by(tasks.c.attempts, tasks.c.id).limit(ENCODE_BATCH)).all()
        chosen = rows[:1] if rows[0].attempts else [row for row in rows if row.attempts == 0]
        held = Claim(kind, build, secrets.token_hex(16))
        connection.execute(
            update(tasks)
            .where(tasks.c.id.in_([row.id for row in chosen]))
            .values(
                state=TaskState.LEASED,
                attempts=tasks.c.attempts + 1,
                worker=worker,
                token=held.token,
                lease_until=time.time() + _LEASE_S[kind],
            )
        )
        if kind == TaskKind.ENCODE:
            _set_state(connection, build, BuildState.ENCODING, only_from=BuildState.QUEUED)
        return held


def report_progress(database: Database, claim: Claim, progress: Progress) -> None:
    """Record a training's progress and renew its lease. Raises ``BuildCancelled`` where the lease is gone."""
    with database.write() as connection:
        _renew(connection, claim, _LEASE_S[claim.kind])
        connection.execute(update(builds).where(builds.c.number == claim.build).values(progress=asdict(progress)))


def renew(database: Database, claim: Claim, seconds: float) -> None:
    """Let a lease run for so many seconds from now. Raises ``BuildCancelled`` where it is gone."""
    with database.write() as connection:
        _renew(connection, claim, seconds)


def finish_encoding(connection: Connection, claim: Claim, outcomes: Sequence[FileOutcome]) -> bool:
    """Record what became of files, within the caller's transaction; ``False`` where the lease is gone.

    With the last file of a build its training is queued.
    """
    if not _holds(connection, claim):
        return False
    for outcome in outcomes:
        state = FileState.ENCODED if outcome.reason is None else FileState.REJECTED
        connection.execute(update(files).where(files.c.id == outcome.file).values(state=state, reason=outcome.reason))
        insert_faces(connection, claim.build, outcome.file, outcome.faces)
    connection.execute(delete(tasks).where(_held(claim)))
    train_if_encoded(connection, claim.build)
    return True


def finish_training(connection: Connection, claim: Claim, ended: Ended) -> bool:
    """End a build, within the caller's transaction; ``False`` where the lease is gone."""
    if not _holds(connection, claim):
        return False
    connection.execute(delete(tasks).where(_held(claim)))
    columns = asdict(ended) | {"finished_at": time.time()}
    connection.execute(update(builds).where(builds.c.number == claim.build).values(columns))
    return True


def fail(database: Database, claim: Claim, error: str, final: bool = False) -> None:
    """Take a claim back after an error: to be tried again, or, if ``final``, given up at once."""
    with database.write() as connection:
        _take_back(connection, _held(claim), error, final)


def release(database: Database, slot: str, worker: str) -> None:
    """Take back what earlier processes in a worker's slot held: they are gone."""
    with database.write() as connection:
        gone = tasks.c.worker.startswith(f"{slot}:", autoescape=True) & (tasks.c.worker != worker)
        _take_back(connection, gone, "The process that worked on it ended unexpectedly.")


def sweep(database: Database) -> None:
    """Take back every claim whose lease has run out."""
    with database.write() as connection:
        _take_back(connection, tasks.c.lease_until < time.time(), "The work took longer than its lease.")


def _renew(connection: Connection, claim: Claim, seconds: float) -> None:
    renewed = connection.execute(update(tasks).where(_held(claim)).values(lease_until=time.time() + seconds))
    if renewed.rowcount == 0:
        raise BuildCancelled("The build was cancelled or taken over.")


def _held(claim: Claim) -> ColumnElement[bool]:
    return (tasks.c.token == claim.token) & (tasks.c.state == TaskState.LEASED)


def _holds(connection: Connection, claim: Claim) -> bool:
    return connection.scalar(select(tasks.c.id).where(_held(claim)).limit(1)) is not None


def _take_back(connection: Connection, which: ColumnElement[bool], error: str, final: bool = False) -> None:
    taken = connection.execute(select(tasks).where(tasks.c.state == TaskState.LEASED, which)).all()
    for task in taken:
        given_up = final or task.attempts >= MAX_ATTEMPTS
        connection.execute(
            update(tasks)
            .where(tasks.c.id == task.id)
            .values(
                state=TaskState.DEAD if given_up else TaskState.QUEUED,
                worker=None,
                token=None,
                lease_until=None,
                error=error,
            )
        )
        if given_up:
            _go_on_without(connection, task, error, final)


def _go_on_without(connection: Connection, task: Row[Any], error: str, final: bool) -> None:
    if task.kind == TaskKind.ENCODE:
        connection.execute(
            update(files).where(files.c.id == task.file).values(state=FileState.REJECTED, reason=Reason.UNPROCESSABLE)
        )
        train_if_encoded(connection, task.build)
        return
    tried = f"Training was tried {task.attempts} times and failed. {error}"
    message = error if final else f"{tried} Send the pictures again; if that fails too, show the operator this id."
    connection.execute(
        update(builds)
        .where(builds.c.number == task.build)
        .values(state=BuildState.FAILED, message=message, finished_at=time.time())
    )


def train_if_encoded(connection: Connection, build: int) -> None:
    """Queue a build's training if none of its files waits any more."""
    waiting = select(files.c.id).where(files.c.build == build, files.c.state == FileState.WAITING).limit(1)
    if connection.scalar(waiting) is None:
        connection.execute(insert(tasks).values(build=build, kind=TaskKind.TRAIN))
        _set_state(connection, build, BuildState.TRAINING)


def _set_state(connection: Connection, build: int, state: BuildState, only_from: BuildState | None = None) -> None:
    query = update(builds).where(builds.c.number == build)
    if only_from is not None:
        query = query.where(builds.c.state == only_from)
    connection.execute(query.values(state=state))
