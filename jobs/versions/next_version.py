"""The next version of a recognizer, made from its latest one with nothing encoded again."""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, delete, insert, literal, select, update

from constants.exceptions import Conflict, NotFound, NotReady
from features.database import many_rows
from features.store import portions
from jobs.intake.labels import same_label
from jobs.table.builds import WAIT_S, build_of, insert_build, newest_that_recognizes
from jobs.table.found_faces import copy_faces
from jobs.table.records import Build, File
from jobs.table.tables import OPEN_STATES, BuildState, builds, faces, files, recognizers

#: What a file keeps in every later version.
_KEPT = ("position", "name", "label", "box", "video", "content_hash", "state", "reason", "first_of_several", "since")

_NOTHING_READY = "No version of this recognizer is ready, so that there is nothing to change; build one first."


def latest(connection: Connection, recognizer_id: str) -> Build:
    """The build of the latest version, ready, which a new one can be made from.

    Raises ``Conflict`` while another version is being made, ``NotReady`` where none is ready, else as ``builds.status``
    does.
    """
    base = build_of(connection, recognizer_id)
    version = _being_made(connection, recognizer_id)
    if version is not None:
        raise busy(version)
    if base.state != BuildState.READY:
        raise NotReady(_NOTHING_READY)
    return base


def newest_serving(connection: Connection, recognizer_id: str) -> Build:
    """The build of the newest version that recognizes, ready or with something that stands in for it.

    One that is still being trained is among them, so that a change need not wait; whoever makes a version from it
    erases it. Raises ``Conflict`` while a version is being made that does not recognize yet, ``NotReady`` where nothing
    serves, else as ``builds.status`` does.
    """
    build_of(connection, recognizer_id)  # for what it raises
    base, version = newest_that_recognizes(connection, recognizer_id), _being_made(connection, recognizer_id)
    is_being_trained = base is not None and base.version == version and base.state == BuildState.TRAINING
    if version is not None and not is_being_trained:
        raise busy(version)
    if base is None:
        raise NotReady(_NOTHING_READY)
    return base


def _being_made(connection: Connection, recognizer_id: str) -> int | None:
    """The version of a recognizer that is being made, if one is."""
    query = select(builds.c.version).where(builds.c.recognizer_id == recognizer_id, builds.c.state.in_(OPEN_STATES))
    return connection.scalar(query)


def busy(version: int) -> Conflict:
    """What is raised while that version is being made."""
    return Conflict(
        f"Version {version} of this recognizer is being made; try again once it is ready.", retry_after_s=WAIT_S
    )


def known_label(labels: Iterable[str], label: str, version: int) -> str:
    """A person's label as the ``labels`` of a version have it. Raises ``NotFound`` for nobody there."""
    for known in labels:
        if same_label(known, label):
            return known
    raise NotFound(f"Version {version} of this recognizer knows nobody called {label!r}.")


def take_number(connection: Connection, recognizer_id: str) -> int:
    """A version's number that nobody else will have."""
    counted = update(recognizers).where(recognizers.c.id == recognizer_id)
    counted = counted.values(versions=recognizers.c.versions + 1).returning(recognizers.c.versions)
    return int(connection.execute(counted).scalar_one())


def next_version(
    connection: Connection, base: Build, left_out: Collection[File] = (), version: int | None = None
) -> tuple[int, int]:
    """Insert a version made from ``base``, of its files but those, with their faces and whom they stand for.

    Gives the numbers of its build and of itself, which is ``version`` where that was taken before. The database copies
    by itself: there may be 100,000 of each.
    """
    if version is None:
        version = take_number(connection, base.recognizer_id)
    build = insert_build(
        connection,
        base.recognizer_id,
        version,
        base.options.model_copy(update={"optimize": False}),
        base.manifest or base,
    )
    with many_rows(connection):
        _copy_files(connection, base.number, build)
        for some in portions([file.position for file in left_out]):
            connection.execute(delete(files).where(files.c.build == build, files.c.position.in_(some)))
        copy_faces(connection, base.number, build)
    return build, version


def refuse_nobody(connection: Connection, build: int) -> None:
    """Raise ``Conflict`` where the faces of a build stand for nobody."""
    people = select(faces.c.person).where(faces.c.build == build, faces.c.person.is_not(None)).limit(1)
    if not connection.execute(people).all():
        raise Conflict("Nobody would be left; delete the recognizer instead.")


def _copy_files(connection: Connection, base: int, build: int) -> None:
    rows = select(literal(build), *(files.c[name] for name in _KEPT)).where(files.c.build == base)
    connection.execute(insert(files).from_select(["build", *_KEPT], rows.order_by(files.c.position)))
