"""The life of a task: claimed with a lease, then done, retried or dead. Nothing else decides that.

A claim takes a token. A result is accepted only with the token that the table holds, so a worker that
was thought dead and comes back changes nothing. Only what is a task's own doing counts as an attempt: a
crash, a limit or an error. After three the task is dead, its reason is kept, and its build goes on or
fails. A worker that is stopped in order gives its task back as it was; one that was killed from outside,
or that the machine failed, is counted apart and far more patiently. Tasks that are finished are deleted:
the table holds what is still to do, and what was given up.
"""

import secrets
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, exists, insert, null, select, update

from constants.exceptions import BuildCancelled
from constants.reasons import Reason
from features.database import Database
from features.store import FaceFeatures
from jobs.table import build_log
from jobs.table.found_faces import insert_faces
from jobs.table.holding import hold_build
from jobs.table.nodes import is_within_reach
from jobs.table.tables import (
    OPEN_STATES,
    BuildState,
    FileState,
    TaskKind,
    TaskState,
    builds,
    files,
    recognizers,
    tasks,
)
from jobs.table.work_counts import count_broken_off
from modelization.training_progress import Progress

#: Pictures handed to a worker at once: enough to batch, few enough that little is done twice.
ENCODE_BATCH = 8
#: Times that a task may fail by itself before it is dead.
MAX_ATTEMPTS = 3
#: Times that a task may be broken off from outside before it is dead, in case it is what brings the machine down.
MAX_INTERRUPTIONS = 20
#: Times that the machine may fail a task before it is dead; the pauses between them add up to eleven minutes at least,
#: see ``jobs/processes/pauses.py``.
MAX_TROUBLES = 300


class Ending(StrEnum):
    """How a claim ended that was not brought to its end."""

    #: The worker was told to stop: nothing is counted.
    STOPPED = "stopped"
    #: Its process was killed from outside, or the whole service ended.
    INTERRUPTED = "interrupted"
    #: Its process crashed, ran into a limit, or it raised an error: the task's own doing.
    FAILED = "failed"
    #: The machine failed: no room, no memory, a locked database.
    TROUBLED = "troubled"


#: What is true of a task that nobody's end has to do with so far.
_NEVER_BROKEN_OFF = (tasks.c.attempts == 0) & (tasks.c.interruptions == 0)
#: What is counted of each ending, and how often it may be.
_COUNTED = {
    Ending.INTERRUPTED: ("interruptions", MAX_INTERRUPTIONS),
    Ending.FAILED: ("attempts", MAX_ATTEMPTS),
    Ending.TROUBLED: ("troubles", MAX_TROUBLES),
}


@dataclass(frozen=True)
class Claim:
    """Tasks of one build that one worker holds."""

    kind: TaskKind
    build: int
    token: str


@dataclass(frozen=True)
class FileOutcome:
    """What came of encoding a file: its faces, or the reason why it is not used, and whether it has other pictures."""

    file: int
    faces: Sequence[FaceFeatures] = ()
    reason: Reason | None = None
    first_of_several: bool = False


@dataclass(frozen=True)
class Ended:
    """How a build ended: its state, a sentence, and of a ready one its bundle's file, manifest and SHA-256."""

    state: BuildState
    message: str
    bundle: str | None = None
    manifest: dict[str, Any] | None = None
    bundle_sha256: str | None = None


def claim(database: Database, kind: TaskKind, worker: str, after_build: int = 0, node: str = "") -> Claim | None:
    """Lease the next tasks of a kind to a worker of a node; ``None`` where nothing waits that this one can do.

    Builds take turns, beginning with the first one after ``after_build``, so that a small build does
    not wait for a large one. Pictures are handed out by the batch; one whose work was broken off is tried
    again alone, so that a picture that kills workers takes no others with it.
    """
    return _lease(database, _Asked(kind, worker, after_build, node))


def claim_unbroken(database: Database, worker: str, after_build: int = 0, node: str = "") -> Claim | None:
    """Likewise, pictures alone, and of these none whose work was broken off before."""
    return _lease(database, _Asked(TaskKind.ENCODE, worker, after_build, node, unbroken=True))


@dataclass(frozen=True)
class _Asked:
    """Who asks for tasks of which kind, beginning with which build; ``unbroken``: only those never broken off."""

    kind: TaskKind
    worker: str
    after_build: int
    node: str
    unbroken: bool = False

    def is_waiting(self) -> ColumnElement[bool]:
        """What is true of such tasks that nobody holds."""
        waiting = (tasks.c.kind == self.kind) & (tasks.c.state == TaskState.QUEUED)
        return waiting & _NEVER_BROKEN_OFF if self.unbroken else waiting


def _lease(database: Database, asked: _Asked) -> Claim | None:
    tried: list[int] = []
    with database.write() as connection:
        while (build := _next_build(connection, asked, tried)) is not None:
            chosen = _choose(connection, asked, build)
            if chosen:
                held = Claim(asked.kind, build, secrets.token_hex(16))
                lease = {"node": asked.node, "worker": asked.worker, "token": held.token, "renewals": 0}
                which = tasks.c.id.in_(chosen)
                connection.execute(update(tasks).where(which).values(state=TaskState.LEASED, **lease))
                build_log.begun(connection, build, asked.kind, asked.worker)
                if asked.kind == TaskKind.ENCODE:
                    _set_state(connection, build, BuildState.ENCODING, only_from=BuildState.QUEUED)
                return held
            tried.append(build)  # others are just claiming all that waits
    return None


def _next_build(connection: Connection, asked: _Asked, tried: Sequence[int]) -> int | None:
    """The build whose turn it is, of those whose files the node reaches."""
    waits = exists().where(tasks.c.build == builds.c.number, asked.is_waiting())
    query = select(builds.c.number).join(recognizers, recognizers.c.id == builds.c.recognizer_id)
    query = query.where(builds.c.state.in_(OPEN_STATES), builds.c.number.not_in(tried), waits)
    query = query.where(is_within_reach(asked.node))
    return connection.scalar(query.order_by(builds.c.number <= asked.after_build, builds.c.number).limit(1))


def _choose(connection: Connection, asked: _Asked, build: int) -> Sequence[int]:
    """The ids of tasks of a build to be done together, which nobody else is claiming."""
    query = select(tasks.c.id).where(tasks.c.build == build, asked.is_waiting()).with_for_update(skip_locked=True)
    together = connection.scalars(query.where(_NEVER_BROKEN_OFF).order_by(tasks.c.id).limit(ENCODE_BATCH)).all()
    least = query.order_by(tasks.c.attempts + tasks.c.interruptions, tasks.c.id).limit(1)
    return together or connection.scalars(least).all()


def report_progress(database: Database, claim: Claim, progress: Progress) -> None:
    """Record a training's progress and renew its lease. Raises ``BuildCancelled`` where the lease is gone.

    What counts against a task counts from the last generation of its search that is kept: it goes on from there.
    """
    with database.write() as connection:
        _renew(connection, claim)
        connection.execute(update(builds).where(builds.c.number == claim.build).values(progress=asdict(progress)))
        if progress.search is not None:
            reached = progress.search.generation
            anew = dict.fromkeys((name for name, _ in _COUNTED.values()), 0) | {"reached": reached}
            connection.execute(update(tasks).where(_held(claim), tasks.c.reached < reached).values(anew))


def finish_encoding(connection: Connection, claim: Claim, outcomes: Sequence[FileOutcome]) -> bool:
    """Record what became of files, within the caller's transaction; ``False`` where the lease is gone.

    With the last file of a build its training is queued.
    """
    hold_build(connection, claim.build)  # who records the last picture must see all the others
    if not holds(connection, claim):
        return False
    for outcome in outcomes:
        state = FileState.ENCODED if outcome.reason is None else FileState.REJECTED
        found = {"state": state, "reason": outcome.reason, "first_of_several": outcome.first_of_several}
        connection.execute(update(files).where(files.c.id == outcome.file).values(found))
        insert_faces(connection, claim.build, outcome.file, outcome.faces)
    connection.execute(delete(tasks).where(_held(claim)))
    train_if_encoded(connection, claim.build)
    return True


def finish_training(connection: Connection, claim: Claim, ended: Ended) -> bool:
    """End a build, within the caller's transaction; ``False`` where the lease is gone."""
    hold_build(connection, claim.build)
    if not holds(connection, claim):
        return False
    build_log.ended(connection, claim.build, ended.state, ended.manifest)
    connection.execute(delete(tasks).where(_held(claim)))
    _end(connection, claim.build, ended)
    return True


def fail(database: Database, claim: Claim, error: str, final: bool = False) -> None:
    """Take a claim back after an error of its own: to be tried again, or, if ``final``, given up at once."""
    with database.write() as connection:
        _take_back(connection, _held(claim), Ending.FAILED, error, final)


def give_back(database: Database, claim: Claim, ending: Ending) -> None:
    """Take back what of a claim is still held; of one that was brought to its end that is nothing."""
    with database.write() as connection:
        _take_back(connection, _held(claim), ending, _SAID[ending])


def release(database: Database, slot: str, ending: Ending, but: str = "", node: str = "") -> None:
    """Take back what processes in a slot of a node hold, the worker ``but`` excepted."""
    with database.write() as connection:
        gone = tasks.c.worker.startswith(f"{slot}:", autoescape=True) & (tasks.c.worker != but)
        _take_back(connection, (tasks.c.node == node) & gone, ending, _SAID[ending])


def release_others(database: Database, run: str, node: str = "") -> None:
    """Take back what workers of a node hold that are not of this ``run`` of its service: they ended with theirs."""
    with database.write() as connection:
        others = ~tasks.c.worker.contains(f":{run}:", autoescape=True)
        _take_back(connection, (tasks.c.node == node) & others, Ending.INTERRUPTED, _SAID[Ending.INTERRUPTED])


def release_nodes(database: Database, nodes: Collection[str], ending: Ending) -> None:
    """Take back whatever is held in nodes: all of their workers are gone, or can be heard of no more."""
    with database.write() as connection:
        _take_back(connection, tasks.c.node.in_(nodes), ending, _SAID[ending])


def leases(database: Database) -> set[tuple[str, int]]:
    """The tokens of all claims, each with how often it was renewed."""
    held = select(tasks.c.token, tasks.c.renewals).where(tasks.c.state == TaskState.LEASED).distinct()
    with database.read() as connection:
        return {(row.token, row.renewals) for row in connection.execute(held)}


def tokens(connection: Connection) -> set[str]:
    """The tokens of all claims."""
    return set(connection.scalars(select(tasks.c.token).where(tasks.c.state == TaskState.LEASED).distinct()))


def expire(database: Database, tokens: Collection[str]) -> None:
    """Take back claims that have given no sign of life for too long."""
    with database.write() as connection:
        _take_back(connection, tasks.c.token.in_(tokens), Ending.FAILED, "The work gave no sign of life any more.")


_SAID = {
    Ending.STOPPED: "",
    Ending.INTERRUPTED: "The process that worked on it ended from outside.",
    Ending.FAILED: "The process that worked on it crashed, or took longer or more memory than it may.",
    Ending.TROUBLED: "The machine had no room or no memory for it, or its database was locked.",
}


def _renew(connection: Connection, claim: Claim) -> None:
    """Give a sign of life, within the caller's transaction."""
    renewed = connection.execute(update(tasks).where(_held(claim)).values(renewals=tasks.c.renewals + 1))
    if renewed.rowcount == 0:
        raise BuildCancelled("The build was cancelled or taken over.")


def _held(claim: Claim) -> ColumnElement[bool]:
    return (tasks.c.token == claim.token) & (tasks.c.state == TaskState.LEASED)


def holds(connection: Connection, claim: Claim) -> bool:
    """Whether a claim is still its holder's."""
    return connection.scalar(select(tasks.c.id).where(_held(claim)).limit(1)) is not None


def _take_back(
    connection: Connection, which: ColumnElement[bool], ending: Ending, error: str, final: bool = False
) -> None:
    leased = (tasks.c.state == TaskState.LEASED) & which
    hold_build(connection, *connection.scalars(select(tasks.c.build).where(leased).distinct()).all())
    taken = connection.execute(select(tasks).where(leased).order_by(tasks.c.id).with_for_update()).all()
    claimed = Counter(task.token for task in taken)
    build_log.broken_off(connection, taken, ending)
    counts: Counter[tuple[str, str, bool]] = Counter()
    for task in taken:
        # Of several at once nobody knows which one it was; each is then tried alone.
        own = Ending.INTERRUPTED if ending == Ending.FAILED and claimed[task.token] > 1 else ending
        name, most = _COUNTED.get(own, (None, 0))
        count = {} if name is None else {name: getattr(task, name) + 1}
        given_up = final or any(number >= most for number in count.values())
        connection.execute(
            update(tasks)
            .where(tasks.c.id == task.id)
            .values(
                state=TaskState.DEAD if given_up else TaskState.QUEUED,
                node=None,
                worker=None,
                token=None,
                error=error or task.error,
                **count,
            )
        )
        counts[task.kind, own, given_up] += 1
        if given_up:
            _go_on_without(connection, task, error, final)
    # Last, in one order: these rows are everybody's.
    for (kind, ended, given_up), number in sorted(counts.items()):
        count_broken_off(connection, kind, ended, number, number if given_up else 0)


def _go_on_without(connection: Connection, task: Row[Any], error: str, final: bool) -> None:
    if task.kind == TaskKind.ENCODE:
        connection.execute(
            update(files).where(files.c.id == task.file).values(state=FileState.REJECTED, reason=Reason.UNPROCESSABLE)
        )
        build_log.given_up(connection, task.build)
        train_if_encoded(connection, task.build)
        return
    recognizer = connection.scalar(select(builds.c.recognizer_id).where(builds.c.number == task.build))
    again = f"POST /v1/recognizers/{recognizer}/retry tries it again; if that fails too, show the operator this id."
    message = error if final else f"Training was tried several times and failed. {error} {again}"
    _end(connection, task.build, Ended(BuildState.FAILED, message))
    build_log.ended(connection, task.build, BuildState.FAILED)


def _end(connection: Connection, build: int, ended: Ended) -> None:
    """End a build, and with it what stands in for it, unless that is needed: where it failed it mostly is.

    Pictures that were sent for a version which failed are not learnt: the one before recognizes again. A change of a
    collection is not taken back, and nobody who was forgotten comes back.
    """
    own = builds.c.number == build
    connection.execute(update(builds).where(own).values(asdict(ended) | {"finished_at": time.time()}))
    ready = builds.alias()
    was_sent = exists().where(files.c.build == builds.c.number, files.c.since == builds.c.version) & ~builds.c.passing
    has_ready = exists().where(ready.c.recognizer_id == builds.c.recognizer_id, ready.c.state == BuildState.READY)
    is_needless = (builds.c.state == BuildState.READY) | (was_sent & has_ready)
    connection.execute(update(builds).where(own, is_needless).values(stand_in=null()))


def given_up(connection: Connection, build: int) -> list[int]:
    """The positions of the files of a build that were given up."""
    dead = select(files.c.position).join(tasks, tasks.c.file == files.c.id)
    dead = dead.where(tasks.c.build == build, tasks.c.state == TaskState.DEAD)
    return list(connection.scalars(dead.order_by(files.c.position)))


def train_if_encoded(connection: Connection, build: int) -> None:
    """Queue a build's training if none of its files waits any more."""
    waiting = select(files.c.id).where(files.c.build == build, files.c.state == FileState.WAITING).limit(1)
    if connection.scalar(waiting) is None:
        build_log.encoded(connection, build)
        connection.execute(insert(tasks).values(build=build, kind=TaskKind.TRAIN))
        _set_state(connection, build, BuildState.TRAINING)


def _set_state(connection: Connection, build: int, state: BuildState, only_from: BuildState | None = None) -> None:
    query = update(builds).where(builds.c.number == build)
    if only_from is not None:
        query = query.where(builds.c.state == only_from)
    connection.execute(query.values(state=state))
