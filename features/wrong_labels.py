"""Which labels are probably wrong: of faces that fit another person better than their own."""

from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt

from features.alive import Alive, unheard
from features.angle_evidence import KnownPeople, unit
from features.cells import MOST_COMPARED, nearest

#: Share of labels that are wrong in what people send; a few in a hundred is usual.
_WRONG_SHARE = 0.02
#: Of wrong labels the share whose face is of another person of the same build: labels are mostly mixed up. With 0.5
#: as many wrong ones are found, and twice as many right ones doubted.
_AMONG_KNOWN = 0.9
#: Rounds in which the doubts of one face are weighed in all others, each moving half the way, so that two pictures
#: that disagree do not accuse each other in turn.
_ROUNDS = 6
#: Of many people, those who are nearest to a face and whom alone it may show; and cells in which they are looked for.
_NEAR_PEOPLE, _PROBES = 8, 16

_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LabelDoubts:
    """``wrong`` (n,) is the probability that a face's label is wrong; ``resembles`` (n,) the other person whom it
    fits best, or -1 where it fits nobody.
    """

    wrong: npt.NDArray[np.float64]
    resembles: _Integers


def doubt_labels(encodings: npt.NDArray[np.floating], people: _Integers, alive: Alive = unheard) -> LabelDoubts:
    """The doubts of labels ``people`` (n,), numbers from 0, of encodings (n, 128).

    Bayes' rule for two hypotheses: the face is its label's, or it is anybody's, of this build or not. A person is
    the mean of the other faces with that label, each weighed by how likely its label is right.
    """
    faces, count = unit(encodings), int(people.max(initial=-1)) + 1
    right = np.ones(len(faces))
    prior, others = log(_WRONG_SHARE / (1 - _WRONG_SHARE)), None
    near = _near(faces, people, count, alive) if count > MOST_COMPARED else None
    for _ in range(_ROUNDS if count > 1 else 0):
        known = KnownPeople.of(faces, people, right, count)
        others = known.for_others(faces, people, alive) if near is None else known.for_near(faces, people, near, alive)
        odds = prior - known.for_own(faces, people, right)
        odds += np.log(1 - _AMONG_KNOWN + _AMONG_KNOWN / (count - 1) * others.total)
        right = (right + 0.5 * (1 - np.tanh(0.5 * odds))) / 2
    resembles = np.full(len(faces), -1) if others is None else np.where(others.best > 0, others.nearest, -1)
    return LabelDoubts(1 - right, resembles)


def _near(faces: npt.NDArray[np.float64], people: _Integers, count: int, alive: Alive) -> _Integers:
    """Of each face the people of many (n, k) whom it may show in place of its own."""
    sums = KnownPeople.of(faces, people, np.ones(len(faces)), count).sums
    return nearest(faces, unit(sums), _NEAR_PEOPLE, _PROBES, alive)
