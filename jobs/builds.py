"""Recognizers and their builds as clients see them: submit, look, list, erase."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from constants.exceptions import Erased, NotFound, NotReady, Overloaded
from constants.reasons import Reason
from features import store
from features.database import Database
from jobs.options import BuildOptions
from jobs.storage import Storage
from jobs.tables import OPEN_STATES, BuildState, FileState, TaskKind, builds, files, recognizers, tasks


@dataclass(frozen=True)
class Upload:
    """One file of a request: where it lies now, or why it is not used."""

    name: str
    label: str | None
    content_hash: str
    path: Path | None = None
    reason: Reason | None = None


@dataclass(frozen=True)
class BuildStatus:
    """Where the build of one version of a recognizer stands; times are seconds since 1970."""

    id: str
    version: int
    name: str
    state: BuildState
    done: int
    total: int
    unit: str
    message: str
    created_at: float
    finished_at: float | None
    manifest: dict[str, Any] | None = field(repr=False)

    @property
    def is_ready(self) -> bool:
        return self.state == BuildState.READY


def submit(
    database: Database, storage: Storage, uploads: Sequence[Upload], options: BuildOptions, max_open: int
) -> str:
    """Accept a build: when this returns its id, files and row survive a power cut.

    Raises ``Overloaded`` while ``max_open`` builds or more are unfinished; then nothing is kept.
    """
    recognizer_id = uuid.uuid4().hex
    usable = {position: upload.path for position, upload in enumerate(uploads) if upload.path is not None}
    try:
        storage.take_in(usable, recognizer_id, version=1)
        with database.write() as connection:
            _refuse_overload(connection, max_open)
            connection.execute(insert(recognizers).values(id=recognizer_id, created_at=time.time(), name=options.name))
            _insert_build(connection, recognizer_id, uploads, options)
    except BaseException:
        storage.erase(recognizer_id)
        raise
    return recognizer_id


def _refuse_overload(connection: Connection, max_open: int) -> None:
    waiting = connection.scalar(select(func.count()).where(builds.c.state.in_(OPEN_STATES)))
    if waiting is not None and waiting >= max_open:
        raise Overloaded(f"{waiting} builds are waiting already; try again later.", retry_after_s=60)


def _insert_build(connection: Connection, recognizer_id: str, uploads: Sequence[Upload], options: BuildOptions) -> None:
    build = connection.execute(
        insert(builds)
        .values(
            recognizer_id=recognizer_id,
            version=1,
            state=BuildState.QUEUED,
            options=options.model_dump(),
            created_at=time.time(),
        )
        .returning(builds.c.number)
    ).scalar_one()
    connection.execute(
        insert(files),
        [
            {
                "build": build,
                "position": position,
                "name": upload.name,
                "label": upload.label,
                "content_hash": upload.content_hash,
                "state": FileState.WAITING if upload.reason is None else FileState.REJECTED,
                "reason": upload.reason,
            }
            for position, upload in enumerate(uploads)
        ],
    )
    waiting = select(files.c.build, files.c.id).where(files.c.build == build, files.c.state == FileState.WAITING)
    rows = [
        {"build": build, "kind": TaskKind.ENCODE, "file": row.id}
        for row in connection.execute(waiting.order_by(files.c.position))
    ]
    connection.execute(insert(tasks), rows)


def status(database: Database, recognizer_id: str | None = None, version: int | None = None) -> BuildStatus:
    """The build of a version, of the newest version, or, without an id, the newest build of all.

    Raises ``NotFound`` for an id or version that never was, ``Erased`` for one that was deleted.
    """
    query = _with_name().order_by(builds.c.number.desc()).limit(1)
    if recognizer_id is not None:
        query = query.where(builds.c.recognizer_id == recognizer_id)
    if version is not None:
        query = query.where(builds.c.version == version)
    with database.read() as connection:
        row = connection.execute(query).first()
        if row is None:
            raise _absence(connection, recognizer_id, version)
        return _status(connection, row)


def ready(database: Database, recognizer_id: str) -> BuildStatus:
    """The newest finished version. Raises ``NotReady`` while there is none, else as ``status`` does."""
    found = status(database, recognizer_id)
    if not found.is_ready:
        raise NotReady(
            f"The recognizer is not available: {found.message}"
            if found.state == BuildState.FAILED
            else f"The recognizer is still being built ({found.message}); ask /is_available?id={found.id} again."
        )
    return found


def listing(database: Database) -> list[BuildStatus]:
    """The newest build of every recognizer that was not erased, the newest first."""
    newest = select(func.max(builds.c.number)).group_by(builds.c.recognizer_id)
    query = _with_name().where(builds.c.number.in_(newest)).order_by(builds.c.number.desc())
    with database.read() as connection:
        return [_status(connection, row) for row in connection.execute(query)]


def images(database: Database, recognizer_id: str) -> list[dict[str, Any]]:
    """What became of every file of the newest version, in the order sent."""
    newest = status(database, recognizer_id)
    query = (
        select(files)
        .join(builds, builds.c.number == files.c.build)
        .where(builds.c.recognizer_id == newest.id, builds.c.version == newest.version)
        .order_by(files.c.position)
    )
    with database.read() as connection:
        return [
            {
                "file": row.name,
                "label": row.label,
                "state": row.state,
                "faces": row.faces,
                "people": row.people or [],
                "reason": row.reason,
                "message": Reason(row.reason).message if row.reason else None,
            }
            for row in connection.execute(query)
        ]


def erase(database: Database, storage: Storage, recognizer_id: str) -> None:
    """Cancel what is being done for a recognizer and delete everything of it, its encodings included.

    Encodings of pictures that were sent to another recognizer as well stay, for that one. Raises as
    ``status`` does.
    """
    status(database, recognizer_id)
    mine = select(builds.c.number).where(builds.c.recognizer_id == recognizer_id)
    elsewhere = select(files.c.content_hash).where(files.c.build.not_in(mine))
    only_here = select(files.c.content_hash).where(files.c.build.in_(mine), files.c.content_hash.not_in(elsewhere))
    with database.write() as connection:
        store.erase(connection, set(connection.scalars(only_here)))
        for table, column in ((tasks, tasks.c.build), (files, files.c.build), (builds, builds.c.number)):
            connection.execute(delete(table).where(column.in_(mine)))
        connection.execute(
            update(recognizers).where(recognizers.c.id == recognizer_id).values(erased_at=time.time(), name="")
        )
    # Rows first: a crash in between leaves files that nobody refers to, and these are swept at the next start.
    storage.erase(recognizer_id)
    database.forget_deleted()


def _with_name() -> Select[Any]:
    return select(builds, recognizers.c.name).join(recognizers, recognizers.c.id == builds.c.recognizer_id)


def _absence(connection: Connection, recognizer_id: str | None, version: int | None) -> NotFound | Erased:
    if recognizer_id is None:
        return NotFound("Nothing has been built yet; send pictures to /build_recognizer first.")
    row = connection.execute(select(recognizers).where(recognizers.c.id == recognizer_id)).first()
    if row is None:
        return NotFound("There is no recognizer with this id; use the id that /build_recognizer gave.")
    if row.erased_at is not None:
        return Erased("This recognizer was deleted, with everything that belonged to it.")
    return NotFound(f"This recognizer has no version {version}.")


def _status(connection: Connection, row: Row[Any]) -> BuildStatus:
    done, total, unit, message = _progress(connection, row)
    return BuildStatus(
        id=row.recognizer_id,
        version=row.version,
        name=row.name,
        state=BuildState(row.state),
        done=done,
        total=total,
        unit=unit,
        message=message,
        created_at=row.created_at,
        finished_at=row.finished_at,
        manifest=row.manifest,
    )


def count_files(connection: Connection, build: int) -> dict[str, int]:
    """How many of a build's files are in each ``FileState``."""
    query = select(files.c.state, func.count().label("number")).where(files.c.build == build)
    return {row.state: row.number for row in connection.execute(query.group_by(files.c.state))}


def _progress(connection: Connection, row: Row[Any]) -> tuple[int, int, str, str]:
    """How far the build is: done, of how many, of what, and a sentence."""
    if row.state == BuildState.TRAINING:
        far = f"trained {row.epochs_done} of {row.epochs} epochs" if row.epochs else "preparing the training"
        return row.epochs_done, row.epochs, "epochs", far
    counts = count_files(connection, row.number)
    total = sum(counts.values())
    done = total - counts.get(FileState.WAITING, 0)
    if row.state == BuildState.READY:
        return done, total, "images", f"ready: {row.message}"
    if row.state == BuildState.FAILED:
        return done, total, "images", row.message
    return done, total, "images", f"encoded {done} of {total} images"
