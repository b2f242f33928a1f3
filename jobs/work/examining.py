"""Who the faces of a build are, what is probably wrong with them, and the record of both."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, update

from constants.reasons import Reason
from features import store
from features.alive import Alive, unheard
from features.doctor import Examination, FaceFinding, PersonFinding, examine, without_suspects
from features.face_naming import NamedFace, Picture, named_faces
from features.store import Shelf
from jobs.table.build_options import BuildOptions
from jobs.table.records import Face, File
from jobs.table.tables import Choice, FileState, faces, files, people


@dataclass(frozen=True)
class Examined:
    """The files of a build, its encoded pictures, the faces to learn from, and what was found about all of them."""

    files: Sequence[File]
    pictures: Sequence[Picture]
    named: Sequence[NamedFace]
    examination: Examination

    @cached_property
    def used(self) -> set[int]:
        """Ids of the files that something is learnt from."""
        return {face.picture.file for face in self.named}

    @cached_property
    def reasons(self) -> dict[int, Reason]:
        """Why nothing is learnt from each of the other files, by their ids."""
        used, doubted = self.used, {found.file for found in self.examination.faces}
        return {file.id: _reason(file, file.id in doubted) for file in self.files if file.id not in used}


def pictures_of(connection: Connection, shelf: Shelf, sent: Sequence[File]) -> list[Picture]:
    """The encoded pictures among a build's files; a face that stands for somebody already goes on doing so."""
    encoded = [file for file in sent if file.state == FileState.ENCODED]
    features = store.get(connection, shelf, {file.content_hash for file in encoded})
    return [
        Picture(
            file.id,
            file.content_hash,
            label,
            features[file.content_hash].only({face.index for face in file.faces}),
            file.box,
            file.video,
            taken,
        )
        for file in encoded
        for label, taken in _labels(file)
    ]


def examined(
    sent: Sequence[File], pictures: Sequence[Picture], options: BuildOptions | None = None, alive: Alive = unheard
) -> Examined:
    """Who the faces are, and what is probably wrong; without options, where nobody can be learnt, of no face.

    Raises ``BuildFailed`` as ``named_faces`` does.
    """
    named = named_faces(pictures, options.use_other_faces, alive) if options else []
    examination = examine(pictures, named, alive)
    learnt = without_suspects(named, examination) if options and options.exclude_suspects else named
    return Examined(sent, pictures, learnt, examination)


def record(connection: Connection, build: int, found: Examined) -> None:
    """Write down for every file, face and person of a build what was found, where it is not there already."""
    why = [(file, found.reasons.get(file.id)) for file in found.files]
    changed = [{"row": file.id, "why": reason} for file, reason in why if reason != file.reason]
    if changed:
        connection.execute(update(files).where(files.c.id == bindparam("row")).values(reason=bindparam("why")), changed)
    own = {(file.id, place): face for file in found.files for place, face in enumerate(file.faces)}
    _record_faces(connection, found, own)
    connection.execute(delete(people).where(people.c.build == build))
    rows = [_person(person, own) | {"build": build} for person in found.examination.people]
    if rows:
        connection.execute(insert(people), rows)


#: The faces of files, each by its file's id and its place among that file's faces.
_Faces = dict[tuple[int, int], Face]

_FOUND: dict[Any, Any] = {
    faces.c.wrong: bindparam("wrong"),
    faces.c.suspect: bindparam("suspect"),
    faces.c.resembles: bindparam("resembles"),
    faces.c.near_duplicates: bindparam("near_duplicates"),
}
_STANDS: dict[Any, Any] = {faces.c.person: bindparam("person"), faces.c.choice: bindparam("choice")}


def _record_faces(connection: Connection, found: Examined, own: _Faces) -> None:
    """Each row is written once at the most: there may be 300,000, and most stand for whom they stood for before."""
    findings = {own[face.file, face.face].id: _finding(face) for face in found.examination.faces}
    chosen = ((own[face.picture.file, face.face], face) for face in found.named)
    stand = {face.id: {"person": named.person, "choice": _choice(face, named)} for face, named in chosen}
    moved = {
        face.id: stands
        for face in own.values()
        if (stands := stand.get(face.id, _NOBODY)) != {"person": face.person, "choice": face.choice}
    }
    for columns, rows in (
        (_FOUND | _STANDS, findings.keys() & moved.keys()),
        (_FOUND, findings.keys() - moved.keys()),
        (_STANDS, moved.keys() - findings.keys()),
    ):
        values = [{"row": row, **findings.get(row, {}), **moved.get(row, {})} for row in sorted(rows)]
        if values:
            connection.execute(update(faces).where(faces.c.id == bindparam("row")).values(columns), values)


_NOBODY = {"person": None, "choice": None}


def _finding(face: FaceFinding) -> dict[str, object]:
    return {
        "wrong": face.wrong,
        "suspect": face.is_suspect,
        "resembles": face.resembles,
        "near_duplicates": face.near_duplicates,
    }


def _choice(face: Face, found: NamedFace) -> Choice:
    """How a face was chosen; one that stood for the person before was chosen as it was then."""
    if face.person == found.person and face.choice is not None:
        return face.choice
    if found.picture.label != found.person:
        return Choice.RESEMBLANCE
    return Choice.LABEL if found.picture.box is None else Choice.BOX


def _labels(file: File) -> Iterator[tuple[str | None, int | None]]:
    """The labels of a file, each with the place of the face that is known to be that person's, if one is."""
    taken = [(face.person, place) for place, face in enumerate(file.faces) if face.person is not None]
    yield from taken
    # Other faces of a picture without a label may still turn out to be somebody's.
    if not taken or file.label is None:
        yield file.label, None


def _reason(file: File, doubted: bool) -> Reason:
    if file.state == FileState.REJECTED and file.reason is not None:
        return file.reason
    if doubted:
        return Reason.SUSPECT_LABEL
    if file.video is not None:
        return Reason.ENOUGH_FRAMES
    return Reason.TOO_FEW_FACES if file.label is None else Reason.NO_FACE_FOR_LABEL


def _person(found: PersonFinding, own: _Faces) -> dict[str, object]:
    return {
        "label": found.person,
        "faces": found.faces,
        "suspects": found.suspects,
        "has_few": found.has_few,
        "typical": own[found.typical].id,
        "looks_like": found.looks_like,
    }
