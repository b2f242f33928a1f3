"""What is probably wrong with the faces of a build: labels, copies, people with too few pictures or two labels."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import cos, log

import numpy as np
import numpy.typing as npt

from features.alive import Alive, unheard
from features.angle_evidence import NEAR_DUPLICATE_ANGLE, KnownPeople, angle_of, unit
from features.cells import compared
from features.clustering import most_typical
from features.face_naming import NamedFace, Picture
from features.wrong_labels import doubt_labels

#: Faces below which a person is said to have few: with three, the figures of an open set are taken.
FEW_PICTURES = 3

#: Probability of a wrong label from which on it is called one.
_SUSPECT = 0.5
#: Cells of many faces in which one looks for what is nearly the same, and of many people for one that is alike.
_DUPLICATE_PROBES, _PERSON_PROBES = 4, 16

_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class FaceFinding:
    """A face that stands for a person, by its file and its index there.

    ``wrong`` is the probability that it is not that person's, ``resembles`` who it then looks like, if anybody here.
    ``near_duplicates`` are other files that show the same moment: copies, perhaps resized, cropped or saved anew.
    """

    file: int
    face: int
    person: str
    wrong: float
    resembles: str | None
    near_duplicates: tuple[int, ...]

    @property
    def is_suspect(self) -> bool:
        return self.wrong > _SUSPECT


@dataclass(frozen=True)
class PersonFinding:
    """A person: the number of faces, and the file and index of the most typical one.

    ``looks_like`` are other labels that probably name the same person.
    """

    person: str
    faces: int
    suspects: int
    typical: tuple[int, int]
    looks_like: tuple[str, ...]

    @property
    def has_few(self) -> bool:
        """Whether more pictures would make the person much easier to recognize."""
        return self.faces - self.suspects < FEW_PICTURES


@dataclass(frozen=True)
class Examination:
    """What was found: of every face that stands for a person, of every person by name, and the faces, as file and
    index, that stand for nobody.
    """

    faces: tuple[FaceFinding, ...]
    people: tuple[PersonFinding, ...]
    left_out: tuple[tuple[int, int], ...]


def examine(pictures: Sequence[Picture], named: Sequence[NamedFace], alive: Alive = unheard) -> Examination:
    """The findings about the faces of a build's pictures and the people they were taken for."""
    left_out = _left_out(pictures, named)
    if not named:
        return Examination((), (), left_out)
    labels = sorted({face.person for face in named})
    index = {label: number for number, label in enumerate(labels)}
    people = np.array([index[face.person] for face in named])
    encodings = np.stack([face.picture.features.faces[face.face].encoding for face in named])
    doubts = doubt_labels(encodings, people, alive)
    near = _near_duplicates(encodings, [face.picture.content_hash for face in named], alive)
    faces = tuple(
        FaceFinding(
            file=face.picture.file,
            face=face.face,
            person=face.person,
            wrong=float(wrong),
            resembles=labels[resembled] if resembled >= 0 else None,
            near_duplicates=tuple(sorted({named[other].picture.file for other in near.get(number, ())})),
        )
        for number, (face, wrong, resembled) in enumerate(zip(named, doubts.wrong, doubts.resembles, strict=True))
    )
    return Examination(faces, _people(encodings, people, labels, faces), left_out)


def without_suspects(named: Sequence[NamedFace], examination: Examination) -> list[NamedFace]:
    """The faces whose labels are probably right; ``examination`` is of the same faces."""
    return [face for face, found in zip(named, examination.faces, strict=True) if not found.is_suspect]


def _left_out(pictures: Sequence[Picture], named: Sequence[NamedFace]) -> tuple[tuple[int, int], ...]:
    taken = {(face.picture.content_hash, face.face) for face in named}
    once = {picture.content_hash: picture for picture in reversed(pictures)}
    return tuple(
        (picture.file, face)
        for picture in reversed(once.values())
        for face in range(len(picture.features.faces))
        if (picture.content_hash, face) not in taken
    )


def _near_duplicates(encodings: npt.NDArray[np.float32], contents: Sequence[str], alive: Alive) -> dict[int, list[int]]:
    """By face, the faces of other pictures that are nearly the same."""
    faces = unit(encodings).astype(np.float32)
    pairs = _pairs(faces, faces, cos(NEAR_DUPLICATE_ANGLE), _DUPLICATE_PROBES, alive)
    return _grouped((one, other) for one, other in pairs if contents[one] != contents[other])


def _people(
    encodings: npt.NDArray[np.float32], people: _Integers, labels: Sequence[str], faces: Sequence[FaceFinding]
) -> tuple[PersonFinding, ...]:
    counts = np.bincount(people)
    suspects = np.bincount(people, [face.is_suspect for face in faces])
    alike = _alike(encodings, people, len(labels))
    return tuple(
        PersonFinding(
            person=label,
            faces=int(counts[number]),
            suspects=int(suspects[number]),
            typical=(faces[typical].file, faces[typical].face),
            looks_like=tuple(labels[other] for other in alike.get(number, ())),
        )
        for number, (label, typical) in enumerate(zip(labels, most_typical(encodings, people).tolist(), strict=True))
    )


def _alike(encodings: npt.NDArray[np.float32], people: _Integers, count: int) -> dict[int, list[int]]:
    """By label, the labels whose faces are so near on average that all of them speak for one person.

    Near is where the evidence outweighs that of all the other labels none need be of the same person.
    """
    if count < 2:
        return {}
    known = KnownPeople.of(unit(encodings), people, np.ones(len(people)), count)
    means = known.sums / known.pictures[:, None]
    near = _pairs(means, means, cos(angle_of(log(count - 1))), _PERSON_PROBES)
    return _grouped((one, other) for one, other in near if one != other)


def _pairs(
    rows: npt.NDArray[np.floating], others: npt.NDArray[np.floating], above: float, probes: int, alive: Alive = unheard
) -> Iterator[tuple[int, int]]:
    """The places of rows and others whose product is above a limit."""
    for some, inside, products in compared(rows, others, probes, alive):
        one, other = np.nonzero(products > above)
        yield from zip(some[one].tolist(), inside[other].tolist(), strict=True)


def _grouped(pairs: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    """By the first of pairs the second ones, rising."""
    found: dict[int, list[int]] = {}
    for one, other in pairs:
        found.setdefault(one, []).append(other)
    return {one: sorted(others) for one, others in found.items()}
