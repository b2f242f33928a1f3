"""Builds of people who do not exist: faces drawn from the population's covariances, in the tables as if encoded."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, insert, select, update

from features import store
from features.store import FaceFeatures, ImageFeatures, QualityFeatures, Shelf
from jobs.table import tasks
from jobs.table.build_options import BuildOptions
from jobs.table.builds import Upload, build_of, insert_build, insert_files
from jobs.table.tables import DEFAULT_TENANT, FileState, faces, files, recognizers
from jobs.table.tables import tasks as task_table
from jobs.versions.next_version import latest, next_version
from jobs.work.introducing import introduce
from jobs.workplace import Workplace
from modelization.decision.prior import prior_of
from modelization.decision.two_covariance import TwoCovariance
from preprocessor.version import pipeline_version

#: Faces of a person.
FACES = 3
#: Euclidean length of an encoding of dlib's.
_LENGTH = 1.4
#: The id that every such recognizer has in a data folder of its own.
RECOGNIZER = "0" * 32
#: People whose rows are written at once.
_AT_ONCE = 1000


@dataclass(frozen=True)
class Population:
    """People at large, numbered from 0: each with as many faces as are asked for, the same every time."""

    model: TwoCovariance
    seed: int = 0
    _roots: list[npt.NDArray[np.float64]] = field(default_factory=list)

    def faces(self, person: int, count: int = FACES) -> npt.NDArray[np.float32]:
        """Raw encodings (count, 128) of a person; the first ones of more are the same."""
        if not self._roots:
            self._roots.extend(_root(covariance) for covariance in (self.model.between, self.model.within))
        between, within = self._roots
        rng = np.random.default_rng((self.seed, person))
        own = self.model.mean + rng.normal(size=len(between)) @ between
        return np.asarray((own + rng.normal(size=(count, len(within))) @ within) * _LENGTH, np.float32)


def population(workplace: Workplace) -> Population:
    """The population that a workplace's pipeline has the statistics of."""
    return Population(prior_of(pipeline_version(workplace.settings)).model)


def begin_build(workplace: Workplace, people: int) -> None:
    """A build of so many people, all of whose pictures are encoded, with its training waiting."""
    with workplace.database.write() as connection:
        row = {"id": RECOGNIZER, "created_at": time.time(), "name": "drawn", "tenant": DEFAULT_TENANT}
        connection.execute(insert(recognizers).values(row))
        build = insert_build(connection, RECOGNIZER, 1, BuildOptions())
    for first in range(0, people, _AT_ONCE):
        with workplace.database.write() as connection:
            _send(connection, workplace, (build, 1), range(first, min(first + _AT_ONCE, people)))
    with workplace.database.write() as connection:
        tasks.train_if_encoded(connection, build)


def add_person(workplace: Workplace, person: int) -> None:
    """A version with one person more, as ``jobs.versions.growing`` makes it, whose pictures were just encoded."""
    with workplace.database.write() as connection:
        base = latest(connection, RECOGNIZER)
        build, version = next_version(connection, base)
        _send(connection, workplace, (build, version), (person,))
        tasks.train_if_encoded(connection, build)
    introduce(workplace.database, build)


def label_of(person: int) -> str:
    return f"person {person:06}"


def _send(connection: Connection, workplace: Workplace, numbered: tuple[int, int], people: Sequence[int]) -> None:
    """Pictures of people, as encode workers leave them, for the build and the version of these numbers."""
    build, version = numbered
    found = dict(pictures(population(workplace), people))
    uploads = [
        Upload(f"{label_of(person)}/{number}.jpg", label_of(person), _hash(person, number))
        for person in people
        for number in range(FACES)
    ]
    insert_files(connection, build, uploads, version, FACES * people[0])
    connection.execute(task_table.delete().where(task_table.c.build == build))
    waiting = (files.c.build == build) & (files.c.state == FileState.WAITING)
    rows = connection.execute(select(files.c.id, files.c.content_hash).where(waiting)).all()
    connection.execute(insert(faces), [_row(found[row.content_hash].faces[0], build, row.id) for row in rows])
    connection.execute(update(files).where(waiting).values(state=FileState.ENCODED))
    store.put(connection, Shelf(DEFAULT_TENANT, _version(connection, workplace)), found)


def _row(face: FaceFeatures, build: int, file: int) -> dict[str, float]:
    """What ``jobs.table.found_faces`` writes down of a face, for all files at once."""
    assert face.quality is not None
    sides = dict(zip(("left", "top", "right", "bottom"), face.box, strict=True))
    return {"build": build, "file": file, "face": face.index} | sides | face.quality._asdict()


def _version(connection: Connection, workplace: Workplace) -> str:
    return build_of(connection, RECOGNIZER).pipeline_version or pipeline_version(workplace.settings)


def pictures(drawn: Population, people: Sequence[int]) -> Iterator[tuple[str, ImageFeatures]]:
    """The content hash and the features of every picture of people, each with one face."""
    for person in people:
        for number, encoding in enumerate(drawn.faces(person)):
            yield _hash(person, number), picture_of(encoding)


def picture_of(encoding: npt.NDArray[np.float32], side: int = 250) -> ImageFeatures:
    """The features of a square picture, whose sides have so many pixels, with the face of that encoding alone."""
    start, end = 0.2 * side, 0.8 * side
    quality = QualityFeatures(0.5, 128.0, 0.0, 0.0)
    face = FaceFeatures((start, start, end, end), 1.0, np.zeros((5, 2), np.float32), encoding, quality)
    return ImageFeatures(side, side, (face,))


def _hash(person: int, number: int) -> str:
    return hashlib.sha256(f"{person}/{number}".encode()).hexdigest()


def _root(covariance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What makes of independent numbers such ones: a covariance kept as float32 may have one of less than nothing."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))).T)
