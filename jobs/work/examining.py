"""Who the faces of a build are, what is probably wrong with them, and the record of both."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, bindparam, update

from constants.reasons import Reason
from features import store
from features.doctor import Examination, FaceFinding, PersonFinding, examine, without_suspects
from features.face_naming import NamedFace, Picture, named_faces
from features.store import FaceFeatures
from jobs.table.build_options import BuildOptions
from jobs.table.tables import FileState, builds, files


@dataclass(frozen=True)
class Examined:
    """The files of a build, its encoded pictures, the faces to learn from, and what was found about all of them."""

    rows: Sequence[Row[Any]]
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
        return {row.id: _reason(row, row.id in doubted) for row in self.rows if row.id not in used}


def pictures_of(connection: Connection, rows: Sequence[Row[Any]], version: str) -> list[Picture]:
    """The encoded pictures among a build's files; a face that stands for somebody already goes on doing so."""
    encoded = [row for row in rows if row.state == FileState.ENCODED]
    features = store.get(connection, version, {row.content_hash for row in encoded})
    return [
        Picture(row.id, row.content_hash, label, features[row.content_hash], _box(row), row.video, taken)
        for row in encoded
        for label, taken in _labels(row)
    ]


def examined(rows: Sequence[Row[Any]], pictures: Sequence[Picture], options: BuildOptions | None = None) -> Examined:
    """Who the faces are, and what is probably wrong; without options, where nobody can be learnt, of no face.

    Raises ``BuildFailed`` as ``named_faces`` does.
    """
    named = named_faces(pictures, options.use_other_faces) if options else []
    examination = examine(pictures, named)
    learnt = without_suspects(named, examination) if options and options.exclude_suspects else named
    return Examined(rows, pictures, learnt, examination)


def record(connection: Connection, build: int, found: Examined) -> None:
    """Write down for every file and person of a build what was found."""
    position = {row.id: row.position for row in found.rows}
    people: dict[int, list[dict[str, Any]]] = {row.id: [] for row in found.rows}
    for face in found.named:
        people[face.picture.file].append({"face": face.face, "person": face.person})
    findings = {(one.file, one.face): one for one in found.examination.faces}
    features = {picture.file: picture.features.faces for picture in found.pictures}
    reasons = found.reasons
    values = [
        {
            "file": row.id,
            "who": sorted(people[row.id], key=lambda taken: taken["face"]),
            "why": reasons.get(row.id),
            "what": [
                _face(index, face, findings.get((row.id, index)), position)
                for index, face in enumerate(features.get(row.id, ()))
            ],
        }
        for row in found.rows
    ]
    columns: dict[str, Any] = {"people": bindparam("who"), "reason": bindparam("why"), "findings": bindparam("what")}
    connection.execute(update(files).where(files.c.id == bindparam("file")).values(columns), values)
    all_people = [_person(person, position) for person in found.examination.people]
    connection.execute(update(builds).where(builds.c.number == build).values(people=all_people))


def _labels(row: Row[Any]) -> Iterator[tuple[str | None, int | None]]:
    """The labels of a file, each with the face that is known to be that person's, if one is."""
    taken = row.people or ()
    yield from ((face["person"], face["face"]) for face in taken)
    # Other faces of a picture without a label may still turn out to be somebody's.
    if not taken or row.label is None:
        yield row.label, None


def _box(row: Row[Any]) -> tuple[float, float, float, float] | None:
    return tuple(row.box) if row.box else None


def _reason(row: Row[Any], doubted: bool) -> Reason:
    if row.state == FileState.REJECTED:
        return Reason(row.reason)
    if doubted:
        return Reason.SUSPECT_LABEL
    if row.video is not None:
        return Reason.ENOUGH_FRAMES
    return Reason.TOO_FEW_FACES if row.label is None else Reason.NO_FACE_FOR_LABEL


def _face(index: int, face: FaceFeatures, found: FaceFinding | None, position: dict[int, int]) -> dict[str, Any]:
    sides = zip(("x_min", "y_min", "x_max", "y_max"), face.box, strict=True)
    return {
        "face": index,
        "box": {side: round(value) for side, value in sides},
        "quality": {name: round(value, 3) for name, value in face.quality._asdict().items()} if face.quality else None,
        "wrong": round(found.wrong, 4) if found else None,
        "suspect": found.is_suspect if found else False,
        "resembles": found.resembles if found else None,
        "near_duplicates": [position[file] for file in found.near_duplicates] if found else [],
    }


def _person(found: PersonFinding, position: dict[int, int]) -> dict[str, Any]:
    file, face = found.typical
    return {
        "label": found.person,
        "faces": found.faces,
        "suspects": found.suspects,
        "has_few": found.has_few,
        "typical": [position[file], face],
        "looks_like": list(found.looks_like),
    }
