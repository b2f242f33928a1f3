"""Recognizers and their builds as clients see them: submit, look, list."""

import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, func, insert, literal, null, select

from constants.exceptions import Erased, NotFound, NotReady
from constants.reasons import Reason
from features.database import Database, Held, hold
from jobs.arrival import present_bundle
from jobs.files.sealed import new_key
from jobs.files.storage import Storage
from jobs.table import build_log, objects
from jobs.table.admission import Admission
from jobs.table.build_options import BuildOptions
from jobs.table.pages import ALL, Page, Part
from jobs.table.records import Build, Sides, query_builds
from jobs.table.tables import (
    DEFAULT_TENANT,
    OPEN_STATES,
    BuildState,
    FileState,
    TaskKind,
    builds,
    erasures,
    faces,
    files,
    recognizers,
    tasks,
)
from modelization.bundle.manifest import Manifest
from modelization.training_progress import Progress, SearchProgress, preparing

#: Files whose rows are written at once.
_AT_ONCE = 1000
#: Seconds after which whoever waits for a build may ask again.
WAIT_S = 2


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of a request: where it lies now, or why it is not used; ``box`` is where in it the label's person is."""

    name: str
    label: str | None
    content_hash: str
    path: Path | None = None
    reason: Reason | None = None
    box: Sides | None = None


@dataclass(frozen=True)
class VersionStatus:
    """One of a recognizer's versions, in short."""

    version: int
    state: BuildState
    created_at: float


@dataclass(frozen=True)
class BuildStatus:
    """Where the build of one version of a recognizer stands; times are seconds since 1970.

    ``bundle`` is the name of the finished bundle's file, ``bundle_sha256`` that of its content. ``search`` is how far
    the search for a topology is, while there is one. At ``expires_at`` the recognizer erases itself. ``versions`` are
    all that it has, the oldest first.
    """

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
    bundle: str | None
    bundle_sha256: str | None
    manifest: Manifest | None = field(repr=False)
    search: SearchProgress | None = None
    expires_at: float | None = None
    versions: tuple[VersionStatus, ...] = ()

    @property
    def is_ready(self) -> bool:
        return self.state == BuildState.READY

    @property
    def people(self) -> tuple[str, ...]:
        """The labels that it knows, once it is ready."""
        return self.manifest.labels if self.manifest else ()

    @property
    def making(self) -> int | None:
        """The number of a newer version that is being made, if one is."""
        newer = (one.version for one in self.versions if one.version > self.version and one.state in OPEN_STATES)
        return next(newer, None)


@dataclass(frozen=True)
class Serving:
    """What faces are judged by: the ``bundle`` of a version or, before there is one, what stands in for its ``build``.

    ``bundle`` is the name of its file, ``sha256`` that of its content, and ``build`` a number.
    """

    id: str
    version: int
    build: int
    bundle: str | None
    sha256: str | None


def submit(
    database: Database, storage: Storage, uploads: Sequence[Upload], options: BuildOptions, admission: Admission
) -> str:
    """Accept a tenant's build: when this returns its id, files and row survive a power cut.

    Raises as ``admission`` does; then nothing is kept.
    """
    recognizer_id = uuid.uuid4().hex
    # What is entered first is left last: the files are given up where the transaction cannot be committed, too.
    sent = paths(uploads)
    with objects.put_ahead(database, storage, sent, recognizer_id, version=1), ExitStack() as taken:
        laid_out = storage.lay_out(sent)
        with database.write() as connection:
            admission.check(connection)
            admission.allowance.take_room(connection)
            # Within the transaction: whoever holds the recognizer finds no file that is not yet in the tables.
            hold(connection, Held.RECOGNIZER, recognizer_id)
            taken.enter_context(storage.taking_in(laid_out, recognizer_id, version=1))
            objects.accept(connection, storage, recognizer_id, version=1)
            insert_recognizer(connection, recognizer_id, admission, options)
            build = insert_build(connection, recognizer_id, 1, options)
            insert_files(connection, build, uploads, version=1)
            admission.note(connection, recognizer_id, version=1)
            build_log.accepted(connection, build)
    return recognizer_id


def paths(uploads: Sequence[Upload], first: int = 0) -> dict[int, Path]:
    """Where the usable uploads lie, by their positions, which count from ``first``."""
    return {position: upload.path for position, upload in enumerate(uploads, first) if upload.path is not None}


def insert_recognizer(connection: Connection, recognizer_id: str, admission: Admission, options: BuildOptions) -> None:
    """Write down a new recognizer of whoever is admitted, whose first build has these options."""
    now = time.time()
    row = {
        "id": recognizer_id,
        "tenant": admission.allowance.tenant,
        "created_at": now,
        "expires_at": now + options.ttl_s if options.ttl_s else None,
        "name": options.name,
        "node": admission.node,
    }
    connection.execute(insert(recognizers).values(row))


def insert_build(
    connection: Connection,
    recognizer_id: str,
    version: int,
    options: BuildOptions,
    base: Manifest | Build | None = None,
) -> int:
    """The number of a new build, queued now; with the pipeline and the topology of the version ``base``, if any."""
    values = {
        "recognizer_id": recognizer_id,
        "version": version,
        "options": options.model_dump(),
        "pipeline_version": base.pipeline_version if base else None,
        "topology": base.topology.to_json() if base and base.topology else None,
        "state": BuildState.QUEUED,
        "created_at": time.time(),
        "thumbnail_key": new_key() if options.has_thumbnails else None,
    }
    return int(connection.execute(insert(builds).values(values).returning(builds.c.number)).scalar_one())


def insert_files(connection: Connection, build: int, uploads: Sequence[Upload], version: int, first: int = 0) -> None:
    """Write down a version's uploads, and a task for each that is to be encoded; positions count from ``first``."""
    for begin in range(0, len(uploads), _AT_ONCE):
        some = enumerate(uploads[begin : begin + _AT_ONCE], first + begin)
        connection.execute(insert(files), [_row(upload, build, version, position) for position, upload in some])
    waiting = select(files.c.build, literal(TaskKind.ENCODE), files.c.id)
    waiting = waiting.where(files.c.build == build, files.c.state == FileState.WAITING).order_by(files.c.position)
    connection.execute(insert(tasks).from_select(["build", "kind", "file"], waiting))


def _row(upload: Upload, build: int, version: int, position: int) -> dict[str, Any]:
    return {
        "build": build,
        "position": position,
        "name": upload.name,
        "label": upload.label,
        "box": upload.box,
        "content_hash": upload.content_hash,
        "state": FileState.WAITING if upload.reason is None else FileState.REJECTED,
        "reason": upload.reason,
        "since": version,
    }


def require(database: Database, recognizer_id: str, tenant: str) -> None:
    """Raise ``NotFound`` unless a tenant has, or had, that recognizer; whether another one has it changes nothing."""
    own = select(recognizers.c.id).where(recognizers.c.id == recognizer_id, recognizers.c.tenant == tenant)
    with database.read() as connection:
        if connection.scalar(own) is None:
            raise NotFound(_NEVER_WAS)


def newest(database: Database, tenant: str, version: int | None = None) -> BuildStatus:
    """A tenant's newest build of all, or that of a ``version``. Raises ``NotFound`` where there is none."""
    query = query_builds.where(recognizers.c.tenant == tenant).order_by(builds.c.number.desc())
    if version is not None:
        query = query.where(builds.c.version == version)
    with database.read() as connection:
        row = connection.execute(query.limit(1)).first()
        if row is None:
            raise NotFound("Nothing has been built yet; send pictures to /build_recognizer first.")
        return _status(connection, Build.of(row))


def status(database: Database, recognizer_id: str, version: int | None = None) -> BuildStatus:
    """The build of a version, or of the latest one.

    Raises ``NotFound`` for an id or version that never was, ``Erased`` for one that was deleted.
    """
    with database.read() as connection:
        return _status(connection, build_of(connection, recognizer_id, version))


def build_of(connection: Connection, recognizer_id: str, version: int | None = None) -> Build:
    """The build that ``status`` speaks of. Raises as that does."""
    query: Select[Any] = query_builds.where(builds.c.recognizer_id == recognizer_id).order_by(*_LATEST_FIRST)
    if version is not None:
        query = query.where(builds.c.version == version)
    row = connection.execute(query.limit(1)).first()
    if row is None:
        raise _absence(connection, recognizer_id, version)
    return Build.of(row)


def build_numbered(connection: Connection, number: int) -> Build | None:
    """The build of that number; ``None`` where it was deleted."""
    row = connection.execute(query_builds.where(builds.c.number == number)).first()
    return None if row is None else Build.of(row)


def ready(database: Database, recognizer_id: str, version: int | None = None) -> BuildStatus:
    """A finished version, the latest if none is named. Raises ``NotReady`` if it is not, else as ``status`` does."""
    found = status(database, recognizer_id, version)
    if not found.is_ready:
        raise _not_ready(found)
    return found


def serving(database: Database, recognizer_id: str, version: int | None = None) -> Serving:
    """What faces are judged by: a version, or the newest that recognizes, be it that something stands in for it.

    Raises ``NotReady`` where there is nothing yet, else as ``status`` does.
    """
    with database.read() as connection:
        newest = newest_that_recognizes(connection, recognizer_id) if version is None else None
        build = newest or build_of(connection, recognizer_id, version)
        if not build.recognizes:
            raise _not_ready(_status(connection, build))
    return Serving(build.recognizer_id, build.version, build.number, build.bundle, build.bundle_sha256)


def newest_that_recognizes(connection: Connection, recognizer_id: str) -> Build | None:
    """The build of the newest version that faces can be judged by, be it that something stands in for it."""
    recognizes = (builds.c.state == BuildState.READY) | builds.c.stand_in.is_not(null())
    query = query_builds.where(builds.c.recognizer_id == recognizer_id, recognizes)
    row = connection.execute(query.order_by(builds.c.number.desc()).limit(1)).first()
    return None if row is None else Build.of(row)


def bundle(database: Database, storage: Storage, recognizer_id: str, version: int | None = None) -> Path:
    """The file of a finished version's bundle. Raises as ``ready`` does."""
    return bundle_of(storage, ready(database, recognizer_id, version))


def bundle_of(storage: Storage, status: BuildStatus) -> Path:
    """The same of a status that is ready. Raises as ``present_bundle`` does."""
    return present_bundle(storage, status.id, status.bundle or "", status.bundle_sha256 or "")


def listing(database: Database, tenant: str = DEFAULT_TENANT) -> list[BuildStatus]:
    """The latest version of every recognizer of a tenant that was not erased, the newest first."""
    return list(listed(database, tenant).items)


def listed(
    database: Database, tenant: str, part: Part = ALL, name: str | None = None, state: BuildState | None = None
) -> Page[BuildStatus]:
    """A part of that: of those whose ``name`` has something in it, whose latest version is in a ``state``."""
    place = func.row_number().over(partition_by=builds.c.recognizer_id, order_by=_LATEST_FIRST)
    ordered = select(builds.c.number, place.label("place")).subquery()
    latest = select(ordered.c.number).where(ordered.c.place == 1)
    query = query_builds.where(builds.c.number.in_(latest), recognizers.c.tenant == tenant)
    if name is not None:
        query = query.where(recognizers.c.name.icontains(name, autoescape=True))
    if state is not None:
        query = query.where(builds.c.state == state)
    chosen = query.order_by(builds.c.number.desc()).offset(part.offset).limit(part.limit)
    with database.read() as connection:
        total = connection.scalar(query.with_only_columns(func.count())) or 0
        return Page([_status(connection, Build.of(row)) for row in connection.execute(chosen).all()], total)


_NEVER_WAS = "There is no recognizer with this id; use the id that /build_recognizer gave."

#: The latest version is the newest that is ready, or, while none is, the newest.
_LATEST_FIRST = ((builds.c.state == BuildState.READY).desc(), builds.c.number.desc())

#: What is said besides of a version for which something stands in. It must not tell who is gone.
_MEANWHILE = " (recognition goes on meanwhile)"
_BEING_BUILT = "The recognizer is still being built ({message}); ask /is_available?id={id} again."
_UNAVAILABLE: Mapping[BuildState, str] = {
    BuildState.FAILED: "The recognizer is not available: {message}",
    BuildState.EXAMINED: (
        "This was a dry run: the pictures were examined, and nothing was built; send them again without dry_run."
    ),
}


def _not_ready(found: BuildStatus) -> NotReady:
    wait_s = WAIT_S if found.state in OPEN_STATES else None
    return NotReady(_UNAVAILABLE.get(found.state, _BEING_BUILT).format_map(vars(found)), wait_s)


def _absence(connection: Connection, recognizer_id: str, version: int | None) -> NotFound | Erased:
    row = connection.execute(select(recognizers).where(recognizers.c.id == recognizer_id)).first()
    if row is None:
        return NotFound(_NEVER_WAS)
    if row.erased_at is not None:
        return _erased(connection, "This recognizer was deleted, with everything that belonged to it", row.id, None)
    if version is not None and 0 < version <= row.versions:
        return _erased(connection, f"Version {version} of this recognizer was deleted", row.id, version)
    return NotFound(f"This recognizer has no version {version}.")


def _erased(connection: Connection, sentence: str, recognizer_id: str, version: int | None) -> Erased:
    """The answer to whoever asks for what was erased; the erasure is not known of what 0.9.0 erased."""
    own = (erasures.c.recognizer_id == recognizer_id) & erasures.c.version.is_not_distinct_from(version)
    row = connection.execute(select(erasures).where(own).order_by(erasures.c.id.desc()).limit(1)).first()
    if row is None:
        return Erased(f"{sentence}.")
    is_left = "; it is still being erased from the disk" if row.done_at is None else ""
    return Erased(f"{sentence}{is_left}.", row.requested_at, row.done_at)


def _status(connection: Connection, build: Build) -> BuildStatus:
    done, total, unit, message = _progress(connection, build)
    if build.stand_in is not None:
        message += _MEANWHILE
    versions = select(builds.c.version, builds.c.state, builds.c.created_at)
    versions = versions.where(builds.c.recognizer_id == build.recognizer_id).order_by(builds.c.version)
    return BuildStatus(
        id=build.recognizer_id,
        version=build.version,
        name=build.name,
        state=build.state,
        done=done,
        total=total,
        unit=unit,
        message=message,
        created_at=build.created_at,
        finished_at=build.finished_at,
        bundle=build.bundle,
        bundle_sha256=build.bundle_sha256,
        manifest=build.manifest,
        expires_at=build.expires_at,
        search=build.progress.search if build.progress and build.state == BuildState.TRAINING else None,
        versions=tuple(
            VersionStatus(row.version, BuildState(row.state), row.created_at) for row in connection.execute(versions)
        ),
    )


def _progress(connection: Connection, build: Build) -> tuple[int, int, str, str]:
    """How far the build is: done, of how many, of what, and a sentence."""
    if build.state == BuildState.TRAINING:
        progress = build.progress or preparing(build.options.optimize)
        return progress.done, progress.total, progress.unit, _trained(progress)
    query = select(files.c.state, func.count().label("number")).where(files.c.build == build.number)
    counts = {row.state: row.number for row in connection.execute(query.group_by(files.c.state))}
    total = sum(counts.values())
    done = total - counts.get(FileState.WAITING, 0)
    message = f"encoded {done} of {total} images"
    if build.state in (BuildState.READY, BuildState.EXAMINED):
        message = f"{build.state}: {build.message}{_left_out(connection, build, counts.get(FileState.REJECTED, 0))}"
    elif build.state == BuildState.FAILED:
        message = build.message
    return done, total, "images", message


def _left_out(connection: Connection, build: Build, rejected: int) -> str:
    """What was not used of a version, or not whole, and what looks wrong, where anything is."""
    own = select(func.count()).where(files.c.build == build.number)
    partly = connection.scalar(own.where(files.c.first_of_several))
    doubtful = connection.scalar(own.where(faces.c.file == files.c.id, faces.c.suspect))
    said = [_counted(rejected, "file was not used", "files were not used")] if rejected else []
    said += [f"of {_counted(partly, 'file', 'files')} only the first picture was looked at"] if partly else []
    said += [_counted(doubtful, "label looks doubtful", "labels look doubtful")] if doubtful else []
    return f"; {', '.join(said)}: see /v1/recognizers/{build.recognizer_id}/images" if said else ""


def _counted(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"


def _trained(progress: Progress) -> str:
    """How far a training is, as a sentence."""
    if not progress.total:
        return "preparing the training"
    if progress.search is None:
        return f"trained {progress.done} of {progress.total} {progress.unit}"
    search = progress.search
    message = f"searched {progress.done} of {progress.total} generations of topologies, {search.time_left_s:.0f} s left"
    if search.best_error is not None:
        layers = f"{search.layers} hidden layer{'' if search.layers == 1 else 's'}"
        message += f"; the best of {search.evaluated} has {layers} and a held-out error of "
        message += f"{100 * search.best_error:.2g} %"
    return message
