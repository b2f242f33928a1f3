"""What a version was made of, as clients see it: its files with their faces, and its people."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, select

from constants.reasons import Reason
from features.database import Database
from features.store import QualityFeatures, portions
from jobs.arrival import read_thumbnail
from jobs.files.storage import Storage
from jobs.table.builds import build_of
from jobs.table.pages import ALL, Part
from jobs.table.records import Face, File, files_where
from jobs.table.tables import Choice, FileState, builds
from jobs.table.tables import faces as face_table
from jobs.table.tables import files as file_table
from jobs.table.tables import people as people_table

#: Files that are read at once, with their faces.
_AT_ONCE = 500


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
class LearntFace(FacePlace):
    """A face that stands for a person."""

    person: str


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
class Wanted:
    """Which files are asked for: sent with a label, in a state, not used for a reason, with more pictures than one.

    None is for any. ``suspect`` is for those with a face whose label is probably wrong.
    """

    label: str | None = None
    state: FileState | None = None
    reason: Reason | None = None
    first_of_several: bool | None = None
    suspect: bool = False

    def of(self, build: int) -> ColumnElement[bool]:
        """What is true of such files of a build."""
        asked = {name: getattr(self, name) for name in ("label", "state", "reason", "first_of_several")}
        true = [file_table.c[name] == value for name, value in asked.items() if value is not None]
        if self.suspect:
            true.append(exists().where(face_table.c.file == file_table.c.id, face_table.c.suspect))
        return and_(file_table.c.build == build, *true)


ANY = Wanted()


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
    return list(listed_images(database, recognizer_id, version)[0])


def listed_images(
    database: Database, recognizer_id: str, version: int | None = None, part: Part = ALL, wanted: Wanted = ANY
) -> tuple[Iterator[SentImage], int]:
    """A part of those files that are ``wanted``, read from the table as they are taken, and how many are in all.

    Raises as ``builds.status`` does. Of a version that is deleted meanwhile there are no more.
    """
    with database.read() as connection:
        build = build_of(connection, recognizer_id, version).number
        total = connection.scalar(select(func.count()).where(wanted.of(build))) or 0
    return _read_images(database, build, part, wanted), total


def _read_images(database: Database, build: int, part: Part, wanted: Wanted) -> Iterator[SentImage]:
    left, offset, last = part.limit, part.offset, -1
    while left is None or left > 0:
        count = _AT_ONCE if left is None else min(_AT_ONCE, left)
        chosen = select(file_table.c.id).where(wanted.of(build), file_table.c.position > last)
        with database.read() as connection:
            files = files_where(connection, chosen.order_by(file_table.c.position).offset(offset).limit(count))
            places, first = _near(connection, files), _repeated(connection, build, files)
        for file in files:
            yield _sent_image(file, places, first.get(file.content_hash))
        if len(files) < count:
            return
        left, offset, last = None if left is None else left - count, 0, files[-1].position


def _sent_image(file: File, places: Mapping[int, Place], first: str | None) -> SentImage:
    return SentImage(
        number=file.position,
        file=file.name,
        label=file.label,
        state=file.state,
        faces=tuple(_faces(file, places)),
        reason=file.reason,
        message=file.reason.message if file.reason else None,
        duplicate_of=first if file.reason == Reason.DUPLICATE else None,
        first_of_several=file.first_of_several,
    )


def _near(connection: Connection, files: Sequence[File]) -> dict[int, Place]:
    """The files that show the same moments as some do, by their ids."""
    found: dict[int, Place] = {}
    for some in portions({near for file in files for face in file.faces for near in face.near_duplicates}):
        for row in connection.execute(select(file_table).where(file_table.c.id.in_(some))):
            found[row.id] = Place(row.position, row.name)
    return found


def _repeated(connection: Connection, build: int, files: Sequence[File]) -> dict[str, str]:
    """The names of the first files of a build that have the contents of those that repeat them, by content hash."""
    found: dict[str, str] = {}
    for some in portions({file.content_hash for file in files if file.reason == Reason.DUPLICATE}):
        alike = select(file_table).where(file_table.c.build == build, file_table.c.content_hash.in_(some))
        for row in connection.execute(alike.order_by(file_table.c.position)):
            found.setdefault(row.content_hash, row.name)
    return found


def learnt_faces(
    database: Database, recognizer_id: str, version: int, labels: Collection[str]
) -> dict[str, list[LearntFace]]:
    """The faces of a version that stand for some people, by label, in the order sent. Raises as ``builds.status``."""
    found: dict[str, list[LearntFace]] = {label: [] for label in labels}
    query = select(file_table.c.position, file_table.c.name, face_table.c.face, face_table.c.person)
    query = query.join(file_table, file_table.c.id == face_table.c.file)
    with database.read() as connection:
        own = query.where(face_table.c.build == build_of(connection, recognizer_id, version).number)
        for some in portions(labels):
            chosen = own.where(face_table.c.person.in_(some))
            for row in connection.execute(chosen.order_by(file_table.c.position, face_table.c.face)):
                found[row.person].append(LearntFace(*row))
    return found


def sent_labels(database: Database, recognizer_id: str, version: int) -> list[tuple[str, str | None]]:
    """The names and labels of the files that were sent for a version, in their order. Raises as ``builds.status``."""
    with database.read() as connection:
        build = build_of(connection, recognizer_id, version).number
        sent = select(file_table.c.name, file_table.c.label)
        sent = sent.where(file_table.c.build == build, file_table.c.since == version).order_by(file_table.c.position)
        return [(row.name, row.label) for row in connection.execute(sent)]


def people(database: Database, recognizer_id: str, version: int | None = None) -> list[FoundPerson]:
    """What was found about every person of a version, by label. Raises as ``builds.status`` does."""
    query = select(people_table, file_table.c.position, file_table.c.name, face_table.c.face)
    query = query.join(face_table, face_table.c.id == people_table.c.typical)
    query = query.join(file_table, file_table.c.id == face_table.c.file).order_by(people_table.c.label)
    with database.read() as connection:
        build = build_of(connection, recognizer_id, version).number
        rows = connection.execute(query.where(people_table.c.build == build)).all()
    return [
        FoundPerson(
            label=row.label,
            faces=row.faces,
            suspects=row.suspects,
            has_few=row.has_few,
            typical=FacePlace(row.position, row.name, row.face),
            looks_like=tuple(row.looks_like),
        )
        for row in rows
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
