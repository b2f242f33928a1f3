"""Another label for a person, or for some of a person's faces."""

from collections.abc import Collection, Sequence

from sqlalchemy import update

from constants.exceptions import InvalidRequest
from features.database import Database
from features.store import portions
from jobs.intake.labels import same_label
from jobs.table import build_log, tasks
from jobs.table.records import Face, File, files_of
from jobs.table.tables import Choice, faces, files
from jobs.versions.next_version import known_label, latest, next_version, refuse_one_person


def relabel(
    database: Database,
    recognizer_id: str,
    label: str,
    new: str,
    chosen: Sequence[tuple[int | str, int]] | None = None,
) -> int:
    """Accept a version in which a person, or only some of the person's faces, are called ``new``; give its number.

    A label that somebody else has makes them one person. A face is ``chosen`` by its file's number or name and by its
    index there. Raises ``InvalidRequest`` for a face that is not that person's, ``Conflict`` where fewer than two
    people would be left, else as ``latest`` and ``known_label`` do.
    """
    with database.write() as connection:
        base = latest(connection, recognizer_id)
        labels = base.ready_manifest.labels
        person = known_label(labels, label, base.version)
        new = next((known for known in labels if known != person and same_label(known, new)), new)
        build, version = next_version(connection, base, files_of(connection, base.number))
        sent = files_of(connection, build)
        whole = chosen is None
        own = [face for file in sent for face in file.faces if face.person == person]
        moved = own if chosen is None else [_find(sent, person, *face) for face in chosen]
        follow = [file.id for file in sent if file.label == person and (whole or _has_lost(file, person, moved))]
        values = {"person": new} if whole else {"person": new, "choice": Choice.CORRECTION}
        for some in portions([face.id for face in moved]):
            connection.execute(update(faces).where(faces.c.id.in_(some)).values(values))
        for some in portions(follow):
            connection.execute(update(files).where(files.c.id.in_(some)).values(label=new))
        refuse_one_person(connection, build)
        build_log.accepted(connection, build)
        tasks.train_if_encoded(connection, build)
    return version


def _find(sent: Sequence[File], person: str, name: int | str, index: int) -> Face:
    """A person's face by the number or name of its file and its index there."""
    found = [
        face
        for file in sent
        if name in (file.position, file.name)
        for face in file.faces
        if face.index == index and face.person == person
    ]
    if not found:
        raise InvalidRequest(f"The file {name!r} has no face {index} that stands for {person!r}.")
    if len(found) > 1:
        raise InvalidRequest(f"{len(found)} files are called {name!r}; name the right one by its number.")
    return found[0]


def _has_lost(file: File, person: str, moved: Collection[Face]) -> bool:
    """Whether the faces moved are all that stood for a person in a file, whose label then follows them."""
    gone = {face.id for face in moved}
    own = [face for face in file.faces if face.person == person]
    return bool(own) and all(face.id in gone for face in own)
