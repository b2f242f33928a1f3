"""Other labels for people, or for some of their faces, and faces that are left out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, update

from constants.exceptions import InvalidRequest
from constants.reasons import Reason
from features.database import Database
from features.store import portions
from jobs.intake.labels import same_label
from jobs.table import build_log, tasks
from jobs.table.holding import hold_recognizer
from jobs.table.records import Face, File, files_of
from jobs.table.tables import Choice, FileState, faces, files
from jobs.versions.next_version import known_label, latest, next_version, refuse_nobody

#: A face by the number or name of its file, and by its index there.
Place = tuple[int | str, int]


@dataclass(frozen=True)
class Correction:
    """What a person, or only those of the person's ``faces``, are to be called; no ``label`` leaves them out."""

    person: str
    label: str | None
    faces: Sequence[Place] | None = None


def relabel(database: Database, recognizer_id: str, corrections: Sequence[Correction]) -> int:
    """Accept a version in which all the corrections are made, and give its number.

    They are about the latest version, in whatever order they come; one of single faces goes before one of their whole
    person. A label that somebody else has makes them one person. Nothing is learnt any more from what is left out.
    Raises ``InvalidRequest`` for a face that is not that person's, ``Conflict`` where nobody would be left,
    else as ``latest`` and ``known_label`` do.
    """
    with database.write() as connection:
        hold_recognizer(connection, recognizer_id)
        base = latest(connection, recognizer_id)
        labels = base.ready_manifest.labels
        build, version = next_version(connection, base)
        sent = files_of(connection, build)
        whole: dict[str, str | None] = {}
        single: dict[int, str | None] = {}
        for correction in corrections:
            person = known_label(labels, correction.person, base.version)
            new = _unified(correction.label, labels, person)
            if correction.faces is None:
                whole[person] = new
            else:
                single |= {_find(sent, person, *place).id: new for place in correction.faces}
        # A face goes to somebody who is there, whatever that one is called from now on.
        single = {face: whole.get(new) or new if new else None for face, new in single.items()}
        _apply(connection, sent, whole, single)
        refuse_nobody(connection, build)
        build_log.accepted(connection, build)
        tasks.train_if_encoded(connection, build)
    return version


def _unified(new: str | None, labels: Iterable[str], person: str) -> str | None:
    """A new label as somebody else has it already, who may write it with other capitals."""
    if new is None:
        return None
    return next((known for known in labels if known != person and same_label(known, new)), new)


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


def _apply(
    connection: Connection,
    sent: Sequence[File],
    whole: Mapping[str, str | None],
    single: Mapping[int, str | None],
) -> None:
    """Give people and single faces, by their ids, other labels; and those without one away."""
    for person, new in whole.items():
        own = [face.id for file in sent for face in file.faces if face.person == person and face.id not in single]
        _move(connection, own, new, {})
    for new in set(single.values()):
        moved = [face for face, label in single.items() if label == new]
        _move(connection, moved, new, {"choice": Choice.CORRECTION})
    for file in sent:
        kept = _label(file, whole, single)
        if kept != file.label:
            connection.execute(update(files).where(files.c.id == file.id).values(label=kept))
        gone = [face for face in file.faces if _is_left_out(face, whole, single)]
        if gone and len(gone) == len(file.faces):
            left_out = {"state": FileState.REJECTED, "reason": Reason.LEFT_OUT}
            connection.execute(update(files).where(files.c.id == file.id).values(left_out))


def _move(connection: Connection, moved: Sequence[int], new: str | None, values: Mapping[str, object]) -> None:
    """Let faces stand for somebody else, or delete their rows: then nothing is learnt from them."""
    for some in portions(moved):
        chosen = faces.c.id.in_(some)
        statement = delete(faces).where(chosen)
        connection.execute(statement if new is None else update(faces).where(chosen).values(person=new, **values))


def _is_left_out(face: Face, whole: Mapping[str, str | None], single: Mapping[int, str | None]) -> bool:
    if face.id in single:
        return single[face.id] is None
    return face.person is not None and whole.get(face.person, face.person) is None


def _label(file: File, whole: Mapping[str, str | None], single: Mapping[int, str | None]) -> str | None:
    """The label of a file: it follows its person, or the faces where all are gone that stood for the person in it."""
    if file.label is None:
        return None
    own = [face for face in file.faces if face.person == file.label]
    if own and all(face.id in single for face in own):
        return single[own[0].id]
    return whole.get(file.label, file.label)
