"""What a version was made of, as clients see it: its files with their faces, and its people."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select

from constants.reasons import Reason
from features.database import Database
from features.store import QualityFeatures
from jobs.arrival import read_thumbnail
from jobs.files.storage import Storage
from jobs.table.builds import build_of
from jobs.table.records import Face, File, files_of, people_of
from jobs.table.tables import Choice, FileState, builds
from jobs.table.tables import faces as face_table
from jobs.table.tables import files as file_table


@dataclass(frozen=True)
class Place:
    """A file of a version, by its number and its name."""

    number: int
    file: str


@dataclass(frozen=True)
class FacePlace(Place):
    """A face, by its file and by its index there."""

    face: int


@dataclass(frozen=True)
class Box:
    """Where a face is, in whole pixels of the picture as a person sees it."""

    x_min: int
    y_min: int
    x_max: int
    y_max: int


@dataclass(frozen=True)
class FoundFace:
    """A face of a file, whom it stands for, how it was chosen, and what was found about it."""

    face: int
    box: Box
    quality: QualityFeatures | None
    person: str | None
    choice: Choice | None
    wrong: float | None
    suspect: bool
    resembles: str | None
    near_duplicates: tuple[Place, ...]


@dataclass(frozen=True)
class SentImage:
    """What became of a file: its faces, or the reason why it is not used, and the file that it repeats.

    ``first_of_several`` is whether it has other pictures that were not looked at.
    """

    number: int
    file: str
    label: str | None
    state: FileState
    faces: tuple[FoundFace, ...]
    reason: Reason | None
    message: str | None
    duplicate_of: str | None
    first_of_several: bool


@dataclass(frozen=True)
class FoundPerson:
    """Somebody whom a version was made of, and what was found about the faces."""

    label: str
    faces: int
    suspects: int
    has_few: bool
    typical: FacePlace
    looks_like: tuple[str, ...]


@dataclass(frozen=True)
class Arrival:
    """Of the ``total`` files with a label, None for those without, how many were looked at, and show a face."""

    label: str | None
    looked_at: int
    with_face: int
    total: int


def arrivals(database: Database, recognizer_id: str, version: int | None = None) -> list[Arrival]:
    """How far a version's encoding is, by label, in the order sent. Raises as ``builds.status`` does."""
    looked_at = case((file_table.c.state != FileState.WAITING, 1), else_=0)
    with_face = case((file_table.c.state == FileState.ENCODED, 1), else_=0)
    columns = file_table.c.label, func.sum(looked_at), func.sum(with_face), func.count()
    with database.read() as connection:
        build = build_of(connection, recognizer_id, version).number
        query = select(*columns).where(file_table.c.build == build).group_by(file_table.c.label)
        return [Arrival(*row) for row in connection.execute(query.order_by(func.min(file_table.c.position)))]


def thumbnails(
    database: Database, storage: Storage, recognizer_id: str, version: int | None = None
) -> set[tuple[int, int]]:
    """The faces of a version of which a thumbnail is kept, by the number of the file and their index there.

    Raises as ``builds.status`` does.
    """
    with database.read() as connection:
        build = build_of(connection, recognizer_id, version)
        if build.options.keep_thumbnails == "off":
            return set()
        sent_for = connection.scalars(
            select(file_table.c.since).where(file_table.c.build == build.number).distinct()
        ).all()
    return set[tuple[int, int]]().union(*(storage.thumbnails_of(recognizer_id, since) for since in sent_for))


def thumbnail(
    database: Database, storage: Storage, recognizer_id: str, version: int | None, place: tuple[int, int]
) -> bytes:
    """The thumbnail of a face, a JPEG, by the number of its file and its index there.

    Raises ``NotFound`` where none is kept, or the version has not that face, else as ``builds.status`` does.
    """
    number, face = place
    with database.read() as connection:
        build = build_of(connection, recognizer_id, version).number
        own = select(file_table.c.since).join(face_table, face_table.c.file == file_table.c.id)
        own = own.where(file_table.c.build == build, file_table.c.position == number, face_table.c.face == face)
        since = connection.scalar(own) or 0
        key = thumbnail_key(connection, recognizer_id, since)
    return read_thumbnail(storage, recognizer_id, storage.thumbnail(recognizer_id, since, number, face), key)


def thumbnail_key(connection: Connection, recognizer_id: str, version: int) -> bytes | None:
    """What the thumbnails of the pictures that were sent for a version are encrypted by; None where none are kept."""
    of_version = builds.c.recognizer_id == recognizer_id, builds.c.version == version
    return connection.scalar(select(builds.c.thumbnail_key).where(*of_version))


def images(database: Database, recognizer_id: str, version: int | None = None) -> list[SentImage]:
    """What became of every file of a version, in the order sent. Raises as ``builds.status`` does."""
    with database.read() as connection:
        files = files_of(connection, build_of(connection, recognizer_id, version).number)
    places = {file.id: Place(file.position, file.name) for file in files}
    first: dict[str, str] = {}
    for file in files:
        first.setdefault(file.content_hash, file.name)
    return [
        SentImage(
            number=file.position,
            file=file.name,
            label=file.label,
            state=file.state,
            faces=tuple(_faces(file, places)),
            reason=file.reason,
            message=file.reason.message if file.reason else None,
            duplicate_of=first[file.content_hash] if file.reason == Reason.DUPLICATE else None,
            first_of_several=file.first_of_several,
        )
        for file in files
    ]


def sent_labels(database: Database, recognizer_id: str, version: int) -> list[tuple[str, str | None]]:
    """The names and labels of the files that were sent for a version, in their order. Raises as ``builds.status``."""
    with database.read() as connection:
        build = build_of(connection, recognizer_id, version).number
        sent = select(file_table.c.name, file_table.c.label)
        sent = sent.where(file_table.c.build == build, file_table.c.since == version).order_by(file_table.c.position)
        return [(row.name, row.label) for row in connection.execute(sent)]


def people(database: Database, recognizer_id: str, version: int | None = None) -> list[FoundPerson]:
    """What was found about every person of a version, by label. Raises as ``builds.status`` does."""
    with database.read() as connection:
        build = build_of(connection, recognizer_id, version).number
        files, found = files_of(connection, build), people_of(connection, build)
    places = {face.id: FacePlace(file.position, file.name, face.index) for file in files for face in file.faces}
    return [
        FoundPerson(
            person.label, person.faces, person.suspects, person.has_few, places[person.typical], person.looks_like
        )
        for person in found
    ]


def _faces(file: File, places: Mapping[int, Place]) -> Iterator[FoundFace]:
    for face in file.faces:
        yield FoundFace(
            face=face.index,
            box=_box(face),
            quality=_rounded(face.quality),
            person=face.person,
            choice=face.choice,
            wrong=face.wrong,
            suspect=face.suspect,
            resembles=face.resembles,
            near_duplicates=tuple(places[near] for near in face.near_duplicates if near in places),
        )


def _box(face: Face) -> Box:
    return Box(*map(round, face.box))


def _rounded(quality: QualityFeatures | None) -> QualityFeatures | None:
    return QualityFeatures(*(round(value, 3) for value in quality)) if quality else None
