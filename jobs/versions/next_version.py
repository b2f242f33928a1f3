"""The next version of a recognizer, made from its latest one with nothing encoded again."""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, insert, select, update

from constants.exceptions import Conflict, NotFound, NotReady
from jobs.intake.labels import same_label
from jobs.table.builds import build_of, insert_build
from jobs.table.found_faces import copy_faces
from jobs.table.records import Build, File
from jobs.table.tables import OPEN_STATES, BuildState, builds, faces, files, recognizers

#: What a file keeps in every later version.
_KEPT = ("position", "name", "label", "box", "video", "content_hash", "state", "reason", "since")

_NOTHING_READY = "No version of this recognizer is ready, so that there is nothing to change; build one first."


def latest(connection: Connection, recognizer_id: str) -> Build:
    """The build of the latest version, ready, which a new one can be made from.

    Raises ``NotReady`` where none is ready, else as ``latest_serving`` does.
    """
    base = latest_serving(connection, recognizer_id)
    if base.state != BuildState.READY:
        raise NotReady(_NOTHING_READY)
    return base


def latest_serving(connection: Connection, recognizer_id: str) -> Build:
    """The build of the latest version, ready or with one that stands in for it because it failed.

    Raises ``Conflict`` while another version is being made, ``NotReady`` where nothing serves, else as
    ``builds.status`` does.
    """
    base = build_of(connection, recognizer_id)
    being_made = select(builds.c.version).where(
        builds.c.recognizer_id == recognizer_id, builds.c.state.in_(OPEN_STATES)
    )
    version = connection.scalar(being_made)
    if version is not None:
        raise Conflict(f"Version {version} of this recognizer is being made; try again once it is ready.")
    if not base.recognizes:
        raise NotReady(_NOTHING_READY)
    return base


def known_label(labels: Iterable[str], label: str, version: int) -> str:
    """A person's label as the ``labels`` of a version have it. Raises ``NotFound`` for nobody there."""
    for known in labels:
        if same_label(known, label):
            return known
    raise NotFound(f"Version {version} of this recognizer knows nobody called {label!r}.")


def next_version(connection: Connection, base: Build, kept: Collection[File]) -> tuple[int, int]:
    """Insert a version made from ``base``, of those of its files, with their faces and whom they stand for.

    Gives the numbers of its build and of itself.
    """
    counted = update(recognizers).where(recognizers.c.id == base.recognizer_id)
    counted = counted.values(versions=recognizers.c.versions + 1).returning(recognizers.c.versions)
    version = connection.execute(counted).scalar_one()
    build = insert_build(
        connection,
        base.recognizer_id,
        version,
        base.options.model_copy(update={"optimize": False}),
        base.manifest or base,
    )
    connection.execute(insert(files), [_columns(file) | {"build": build} for file in kept])
    rows = connection.execute(select(files.c.position, files.c.id).where(files.c.build == build))
    copies = {row.position: row.id for row in rows}
    copy_faces(connection, build, {file.id: copies[file.position] for file in kept})
    return build, version


def refuse_one_person(connection: Connection, build: int) -> None:
    """Raise ``Conflict`` where the faces of a build stand for fewer than two people."""
    people = select(faces.c.person).where(faces.c.build == build, faces.c.person.is_not(None)).distinct().limit(2)
    if len(connection.execute(people).all()) < 2:
        raise Conflict("Only one person would be left, and a recognizer needs at least two.")


def _columns(file: File) -> dict[str, object]:
    return {name: getattr(file, name) for name in _KEPT}
