"""A new version of a recognizer from its latest one, with nothing encoded again."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from constants.exceptions import Conflict, InvalidRequest, NotFound, NotReady
from constants.reasons import Reason
from features.database import Database
from jobs.intake.labels import same_label
from jobs.intake.taking_in import refuse_hopeless
from jobs.storage import Storage
from jobs.table import tasks
from jobs.table.builds import Upload, build_row, insert_build, insert_files, paths, refuse_overload
from jobs.table.contents import rows_of
from jobs.table.tables import OPEN_STATES, BuildState, builds, files, recognizers

#: What a file keeps in every later version.
_KEPT = ("position", "name", "label", "box", "video", "content_hash", "state", "reason", "faces", "people")


def grow(database: Database, storage: Storage, recognizer_id: str, uploads: Sequence[Upload], max_open: int) -> int:
    """Accept a version with more pictures, and give its number: when this returns, they survive a power cut.

    Raises ``NothingUsable`` where the latest version has all of them already, else as ``latest`` and ``submit`` do.
    """
    version = 0
    try:
        with database.write() as connection:
            refuse_overload(connection, max_open)
            base = latest(connection, recognizer_id)
            rows = rows_of(connection, base.number)
            uploads = _without_known(uploads, rows)
            refuse_hopeless(uploads, base.manifest["labels"])
            build, version = next_version(connection, base, map(kept, rows))
            first = max(row.position for row in rows) + 1
            storage.erase_images(recognizer_id, version)  # of a version that was never committed
            storage.take_in(paths(uploads, first), recognizer_id, version)
            insert_files(connection, build, uploads, first)
    except BaseException:
        if version:
            storage.erase_images(recognizer_id, version)
        raise
    return version


def relabel(
    database: Database,
    recognizer_id: str,
    label: str,
    new: str,
    faces: Sequence[tuple[int | str, int]] | None = None,
) -> int:
    """Accept a version in which a person, or only some of the person's faces, are called ``new``; give its number.

    A label that somebody else has makes them one person. A face is named by its file's number or name and by its
    index there. Raises ``InvalidRequest`` for a face that is not that person's, ``Conflict`` where fewer than two
    people would be left, else as ``latest`` and ``known_label`` do.
    """
    with database.write() as connection:
        base = latest(connection, recognizer_id)
        person = known_label(base, label)
        new = next((one for one in base.manifest["labels"] if one != person and same_label(one, new)), new)
        rows = rows_of(connection, base.number)
        chosen = None if faces is None else {_find(rows, person, *face) for face in faces}
        columns = [_relabelled(row, person, new, chosen) for row in rows]
        if len({taken["person"] for row in columns for taken in row["people"]}) < 2:
            raise Conflict("Only one person would be left, and a recognizer needs at least two.")
        build, version = next_version(connection, base, columns)
        tasks.train_if_encoded(connection, build)
    return version


def latest(connection: Connection, recognizer_id: str) -> Row[Any]:
    """The build of the latest version, which a new one can be made from.

    Raises ``Conflict`` while another version is being made, ``NotReady`` where none is ready, else as
    ``builds.status`` does.
    """
    base = build_row(connection, recognizer_id)
    being_made = select(builds.c.version).where(
        builds.c.recognizer_id == recognizer_id, builds.c.state.in_(OPEN_STATES)
    )
    version = connection.scalar(being_made)
    if version is not None:
        raise Conflict(f"Version {version} of this recognizer is being made; try again once it is ready.")
    if base.state != BuildState.READY:
        raise NotReady("No version of this recognizer is ready, so that there is nothing to change; build one first.")
    return base


def known_label(base: Row[Any], label: str) -> str:
    """A person's label as the version writes it. Raises ``NotFound`` for nobody there."""
    for known in base.manifest["labels"]:
        if same_label(known, label):
            return str(known)
    raise NotFound(f"Version {base.version} of this recognizer knows nobody called {label!r}.")


def kept(row: Row[Any]) -> dict[str, Any]:
    """The columns of a file as they are in the next version; who its faces are is then known."""
    return {name: getattr(row, name) for name in _KEPT} | {"people": row.people or []}


def next_version(connection: Connection, base: Row[Any], columns: Iterable[dict[str, Any]]) -> tuple[int, int]:
    """Insert a version made from ``base``, of files with those columns; give the numbers of its build and of itself."""
    counted = update(recognizers).where(recognizers.c.id == base.recognizer_id)
    counted = counted.values(versions=recognizers.c.versions + 1).returning(recognizers.c.versions)
    version = connection.execute(counted).scalar_one()
    build = insert_build(
        connection,
        recognizer_id=base.recognizer_id,
        version=version,
        options=base.options | {"optimize": False},
        pipeline_version=base.manifest["pipeline_version"],
        topology=base.manifest["topology"],
    )
    connection.execute(insert(files), [row | {"build": build} for row in columns])
    return build, version


def _without_known(uploads: Sequence[Upload], rows: Sequence[Row[Any]]) -> list[Upload]:
    """The uploads, with those refused as duplicates that a version has already, for the same person or for none."""
    known = {row.content_hash for row in rows} | {row.video for row in rows}
    named = {(row.content_hash, row.label) for row in rows} | {(row.video, row.label) for row in rows}
    named |= {(row.content_hash, taken["person"]) for row in rows for taken in row.people or ()}
    return [
        replace(upload, path=None, reason=Reason.DUPLICATE)
        if upload.reason is None
        and ((upload.content_hash, upload.label) in named or (upload.label is None and upload.content_hash in known))
        else upload
        for upload in uploads
    ]


def _find(rows: Sequence[Row[Any]], person: str, file: int | str, face: int) -> tuple[int, int]:
    """A person's face by the number of its file and its index there."""
    found = {
        row.position
        for row in rows
        if file in (row.position, row.name) and {"face": face, "person": person} in (row.people or ())
    }
    if not found:
        raise InvalidRequest(f"The file {file!r} has no face {face} that stands for {person!r}.")
    if len(found) > 1:
        raise InvalidRequest(f"{len(found)} files are called {file!r}; name the right one by its number.")
    return found.pop(), face


def _relabelled(row: Row[Any], person: str, new: str, chosen: Collection[tuple[int, int]] | None) -> dict[str, Any]:
    """The columns of a file with the chosen faces of a person, or with all, called ``new``."""
    people = [
        taken | {"person": new}
        if taken["person"] == person and (chosen is None or (row.position, taken["face"]) in chosen)
        else taken
        for taken in row.people or ()
    ]
    # The label follows its faces; where it had none, it follows the person.
    follows = chosen is None or (people != row.people and person not in [taken["person"] for taken in people])
    return kept(row) | {"people": people, "label": new if row.label == person and follows else row.label}
