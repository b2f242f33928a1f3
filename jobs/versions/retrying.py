"""What was given up, tried once more from what is kept of it."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, update

from constants.exceptions import Conflict, NotFound, ObjectDamaged
from features.database import Database
from features.store import portions
from jobs.arrival import present_picture
from jobs.files.held_folder import held_folder
from jobs.files.linking import link_or_copy
from jobs.files.sealed import new_key
from jobs.files.storage import Storage
from jobs.table import build_log, objects, tasks
from jobs.table.builds import WAIT_S, build_of
from jobs.table.holding import hold_build, hold_recognizer
from jobs.table.idempotency import KeyedRequest, accept_once, remember
from jobs.table.records import Build, File, files_where, query_builds
from jobs.table.tables import BuildState, FileState, TaskKind, TaskState, builds, files
from jobs.table.tables import tasks as task_table
from jobs.versions.next_version import latest, next_version, take_number


def retry(database: Database, storage: Storage, recognizer_id: str, request: KeyedRequest | None = None) -> int:
    """Accept another try of what was given up, and give the version that comes of it.

    A build that failed goes on where it stood; of a recognizer that is ready without some pictures a version is made
    with them. Raises ``Conflict`` where nothing was given up, or while a version is being made, as ``accept_once``
    does where a ``request`` has a key, else as ``builds.status`` does.
    """
    with _brought(database, storage, recognizer_id) as brought:
        return _retry(database, storage, recognizer_id, request, brought)


@dataclass(frozen=True)
class _Brought:
    """Of which build which given-up pictures are there, and the number that a version with them will have."""

    build: int
    positions: Collection[int]
    number: int | None


def _retry(
    database: Database, storage: Storage, recognizer_id: str, request: KeyedRequest | None, brought: _Brought | None
) -> int:
    """Likewise, where pictures that were ``brought`` are objects already."""
    version = 0
    try:
        with database.write() as connection:
            accept_once(connection, request)
            hold_recognizer(connection, recognizer_id)
            build_of(connection, recognizer_id)  # for what it raises
            hold_build(connection, _newest(connection, recognizer_id).number)
            newest = _newest(connection, recognizer_id)
            if brought is not None and brought.build != newest.number:
                raise Conflict("The recognizer was changed at this moment; try again.", WAIT_S)
            given_up = brought.positions if brought else _given_up(connection, storage, newest)
            if newest.state == BuildState.FAILED and _has_dead(connection, newest):
                _queue_again(connection, newest, given_up)
                remember(connection, request, recognizer_id, newest.version)
                return newest.version
            if newest.state != BuildState.READY or not given_up:
                raise Conflict(_NOTHING)
            base = latest(connection, recognizer_id)
            build, version = next_version(connection, base, version=brought.number if brought else None)
            storage.erase_images(recognizer_id, version)  # of a version that was never committed
            if brought is None:
                storage.share_images(recognizer_id, base.version, version, given_up)
            _wait_again(connection, build, given_up)
            objects.accept(connection, storage, recognizer_id, version)
            build_log.accepted(connection, build)
            connection.execute(delete(task_table).where(task_table.c.build == base.number))
            remember(connection, request, recognizer_id, version)
    except BaseException:
        if version:
            storage.erase_images(recognizer_id, version)
        raise
    if not base.options.keep_images:
        storage.erase_images(recognizer_id, base.version, thumbnails=False)
        with suppress(OSError):  # else they go with a later look at all objects
            storage.shared.erase_pictures(recognizer_id, base.version, thumbnails=False)
    return version


@contextmanager
def _brought(database: Database, storage: Storage, recognizer_id: str) -> Iterator[_Brought | None]:
    """Let the pictures that were given up be objects, within, of the version that may be made with them.

    Nothing is to be done where the data folder is all there is.
    """
    if not storage.is_shared:
        yield None
        return
    with database.write() as connection:
        hold_recognizer(connection, recognizer_id)
        build_of(connection, recognizer_id)  # for what it raises
        newest = _newest(connection, recognizer_id)
        sent = _given_up_files(connection, newest.number)
        number = take_number(connection, recognizer_id) if newest.state == BuildState.READY and sent else None
    with held_folder(storage.incoming) as folder:
        pictures: dict[int, Path] = {}
        for file in sent:
            with suppress(NotFound, ObjectDamaged, FileNotFoundError):
                picture = present_picture(storage, recognizer_id, newest.version, file)
                link_or_copy(picture, folder / str(file.position))
                pictures[file.position] = folder / str(file.position)
        with objects.put_ahead(database, storage, pictures if number else {}, recognizer_id, number or 0):
            yield _Brought(newest.number, list(pictures), number)


_NOTHING = (
    "Nothing of this recognizer was given up that could be tried again; the list of its images says why files were "
    "not used."
)


def _given_up_files(connection: Connection, build: int) -> list[File]:
    own, found = select(files.c.id).where(files.c.build == build), list[File]()
    for some in portions(tasks.given_up(connection, build)):
        found += files_where(connection, own.where(files.c.position.in_(some)))
    return found


def _newest(connection: Connection, recognizer_id: str) -> Build:
    query = query_builds.where(builds.c.recognizer_id == recognizer_id).order_by(builds.c.number.desc())
    return Build.of(connection.execute(query.limit(1)).one())


def _has_dead(connection: Connection, build: Build) -> bool:
    dead = select(task_table.c.id).where(task_table.c.build == build.number, task_table.c.state == TaskState.DEAD)
    return connection.scalar(dead.limit(1)) is not None


def _given_up(connection: Connection, storage: Storage, build: Build) -> list[int]:
    """The positions of files that were given up and whose pictures are there still."""
    return [
        position
        for position in tasks.given_up(connection, build.number)
        if storage.image(build.recognizer_id, build.version, position).exists()
    ]


def _queue_again(connection: Connection, build: Build, given_up: Collection[int]) -> None:
    """Let a failed build go on: with the pictures that were given up, then with its training."""
    build_log.retried(connection, build.number, len(given_up))
    connection.execute(delete(task_table).where(task_table.c.build == build.number))
    _wait_again(connection, build.number, given_up)
    # Where the time of its thumbnails was over, the key was forgotten.
    key = build.thumbnail_key or (new_key() if build.options.has_thumbnails else None)
    again = {"state": BuildState.ENCODING, "message": "", "finished_at": None, "progress": None}
    connection.execute(update(builds).where(builds.c.number == build.number).values(again | {"thumbnail_key": key}))
    tasks.train_if_encoded(connection, build.number)


def _wait_again(connection: Connection, build: int, positions: Collection[int]) -> None:
    """Let the files at those positions wait for being encoded."""
    for some in portions(positions):
        chosen = (files.c.build == build) & files.c.position.in_(some)
        connection.execute(update(files).where(chosen).values(state=FileState.WAITING, reason=None))
        rows = [
            {"build": build, "kind": TaskKind.ENCODE, "file": file}
            for file in connection.scalars(select(files.c.id).where(chosen).order_by(files.c.position))
        ]
        connection.execute(insert(task_table), rows)
