"""Which face of a labelled picture is its person's: the one that belongs with that person's other pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.alive import Alive, unheard
from features.angle_evidence import KnownPeople, angle, evidence, unit

#: Rounds in which every choice is made anew in view of all others; after the second hardly any changes.
_ROUNDS = 4
#: Pictures of a person among which the first choice looks for agreement: it grows with their square.
_COMPARED = 100

_Floats = npt.NDArray[np.float64]
_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LabelledPicture:
    """A picture with at least one face and one label; ``person`` and ``picture`` are numbers from 0.

    ``encodings`` is (k, 128). ``prominence`` (k,) is the logarithm of how likely each face is meant where nothing
    but the picture is known; a face that cannot be meant has -inf there.
    """

    person: int
    picture: int
    encodings: npt.NDArray[np.float32]
    prominence: _Floats


def choose_faces(pictures: Sequence[LabelledPicture], alive: Alive = unheard) -> list[int | None]:
    """Of each picture the index of the face that its label means; ``None`` where no face is left for it.

    A picture with several labels is given once for each of them, and they get different faces. The score of a
    face is its prominence, and the evidence for its label's other pictures less that for anybody else's.
    """
    if not pictures:
        return []
    faces = _Candidates(pictures)
    chosen = _first_choice(faces, alive)
    for _ in range(_ROUNDS if faces.contested.any() else 0):
        again = _choice(faces, _scores(faces, chosen, alive))
        if np.array_equal(again, chosen):
            break
        chosen = again
    index: list[int | None] = [None] * len(pictures)
    for face in np.flatnonzero(chosen).tolist():
        index[faces.of_picture[face]] = face - int(faces.first[faces.of_picture[face]])
    return index


class _Candidates:
    """All faces of all pictures in one row.

    ``contested`` (n,) are those that a choice is made among: the others are alone in a picture with one label.
    """

    def __init__(self, pictures: Sequence[LabelledPicture]) -> None:
        counts = [len(picture.encodings) for picture in pictures]
        self.first = np.cumsum([0, *counts[:-1]])
        self.of_picture = np.repeat(np.arange(len(pictures)), counts)
        self.encodings = unit(np.concatenate([picture.encodings for picture in pictures]))
        self.prominence = np.concatenate([picture.prominence for picture in pictures])
        self.person = np.array([picture.person for picture in pictures])[self.of_picture]
        self.people = int(self.person.max()) + 1
        content = np.array([picture.picture for picture in pictures])
        self.content = content[self.of_picture]
        contested = (np.array(counts) > 1) | (np.bincount(content)[content] > 1)
        self.contested = contested[self.of_picture]


def _first_choice(faces: _Candidates, alive: Alive) -> npt.NDArray[np.bool_]:
    """Of each person the face that most of the pictures agree with, and in each picture the face most like it."""
    sure = (np.bincount(faces.of_picture)[faces.of_picture] == 1) & np.isfinite(faces.prominence)
    known = KnownPeople.of(faces.encodings, faces.person, sure.astype(np.float64), faces.people)
    scores = faces.prominence - _someone_elses(faces, known, alive)
    # Of people without a face that is contested there is nothing to agree upon, and they are nearly all of many.
    is_open = np.bincount(faces.person, faces.contested) > 0
    order = np.flatnonzero(is_open[faces.person])
    order = order[np.argsort(faces.person[order], kind="stable")]
    for own in np.split(order, np.flatnonzero(np.diff(faces.person[order])) + 1) if len(order) else ():
        seed = _most_agreed(faces, own, scores)
        scores[own] += evidence(angle(faces.encodings[own] @ faces.encodings[seed]))
    return _choice(faces, scores)


def _most_agreed(faces: _Candidates, own: _Integers, scores: _Floats) -> int:
    """Of one label's faces, in the order of their pictures, the one for which its other pictures speak most.

    A picture speaks by its face that is most like that one.
    """
    starts = np.flatnonzero(np.diff(faces.of_picture[own], prepend=-1))
    if len(starts) > _COMPARED:
        own, starts = own[: starts[_COMPARED]], starts[:_COMPARED]
    agreement = np.maximum(evidence(angle(faces.encodings[own] @ faces.encodings[own].T)), 0)
    agreement[:, ~np.isfinite(faces.prominence[own])] = 0
    by_picture = np.maximum.reduceat(agreement, starts, axis=1)
    by_picture[np.arange(len(own)), np.searchsorted(starts, np.arange(len(own)), side="right") - 1] = 0
    return int(own[(by_picture.sum(axis=1) + scores[own]).argmax()])


def _scores(faces: _Candidates, chosen: npt.NDArray[np.bool_], alive: Alive) -> _Floats:
    """The score of every face, given who was chosen so far."""
    weights = chosen.astype(np.float64)
    known = KnownPeople.of(faces.encodings, faces.person, weights, faces.people)
    own = known.for_own(faces.encodings, faces.person, weights)
    return np.asarray(faces.prominence + own - _someone_elses(faces, known, alive))


def _someone_elses(faces: _Candidates, known: KnownPeople, alive: Alive) -> _Floats:
    """The evidence, in nats, that each face is another label's; 0 where there is none, or no other face to choose."""
    found = np.zeros(len(faces.person))
    unsure = np.bincount(faces.of_picture)[faces.of_picture] > 1
    others = known.for_others(faces.encodings[unsure], faces.person[unsure], alive)
    found[unsure] = np.maximum(others.best, 0)
    return found


def _choice(faces: _Candidates, scores: _Floats) -> npt.NDArray[np.bool_]:
    """One face for each picture's label, the best score first, and no face for two labels of the same picture."""
    chosen = np.isfinite(scores) & ~faces.contested
    served: set[int] = set()
    taken: set[tuple[int, int]] = set()
    contested = np.flatnonzero(faces.contested)
    for face in contested[np.argsort(-scores[contested], kind="stable")].tolist():
        picture = int(faces.of_picture[face])
        place = int(faces.content[face]), face - int(faces.first[picture])
        if np.isfinite(scores[face]) and picture not in served and place not in taken:
            chosen[face] = True
            served.add(picture)
            taken.add(place)
    return np.asarray(chosen)
