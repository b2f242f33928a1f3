"""What a version was made of, as clients see it: its files with their faces, and its people."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from constants.reasons import Reason
from features.database import Database
from features.store import QualityFeatures
from jobs.table.builds import build_of
from jobs.table.records import Face, File, files_of, people_of
from jobs.table.tables import Choice, FileState


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
    """What became of a file: its faces, or the reason why it is not used, and the file that it repeats."""

    number: int
    file: str
    label: str | None
    state: FileState
    faces: tuple[FoundFace, ...]
    reason: Reason | None
    message: str | None
    duplicate_of: str | None


@dataclass(frozen=True)
class FoundPerson:
    """Somebody whom a version was made of, and what was found about the faces."""

    label: str
    faces: int
    suspects: int
    has_few: bool
    typical: FacePlace
    looks_like: tuple[str, ...]


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
        )
        for file in files
    ]


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
