"""Faces without names, grouped into people."""

from math import cos, log

import numpy as np
import numpy.typing as npt

from features.alive import Alive, unheard
from features.angle_evidence import angle_of, unit
from features.cells import MOST_COMPARED

#: Pictures of a person that are usual in a heap of pictures without names: how likely two of its faces are one
#: person's beforehand. Among 30 to 6,000 faces of other people, 10 to 30 give groups of nearly the same quality.
_USUAL_PICTURES = 20

#: Faces compared with all others at once, and pairs of near ones that are kept at the most: each bounds the memory, to
#: 100 MB for 100,000 faces, and to one GB. A heap with more, of few people, takes as the square of its faces.
_BLOCK, _MOST_PAIRS = 256, 30_000_000
#: Difference of two cosines of single precision that says nothing.
_ROUNDING = 1e-6

_Integers = npt.NDArray[np.int64]


def cluster(encodings: npt.NDArray[np.float32], known: _Integers | None = None, alive: Alive = unheard) -> _Integers:
    """A group number for each face, shape (n,), from encodings (n, 128); the largest group is 0.

    ``known`` (n,) has a number for each face whose person is known and -1 for the others: faces of one number
    are in one group, faces of two numbers never. Groups of one size are numbered by their first face.
    """
    if len(encodings) == 0:
        return np.empty(0, np.int64)
    known = np.full(len(encodings), -1) if known is None else known
    # Those known to be one person start as one group, the others each as its own.
    _, start = np.unique(np.where(known < 0, -1 - np.arange(len(known)), known), return_inverse=True)
    sums = np.zeros((start.max() + 1, encodings.shape[1]))
    np.add.at(sums, start, unit(encodings))
    person = np.full(len(sums), -1, np.int64)
    person[start] = known
    found = _agglomerate(sums, np.bincount(start), person, cos(link_angle(len(encodings))), alive)[start]
    groups, first, sizes = np.unique(found, return_index=True, return_counts=True)
    rank = np.empty(groups.max() + 1, np.int64)
    rank[groups[np.lexsort((first, -sizes))]] = np.arange(len(groups))
    return rank[found]


def link_angle(faces: int) -> float:
    """Radians between two groups, on average over their faces, below which they are one person's.

    Where the evidence of two faces outweighs how unlikely it is beforehand that two of so many are of one person.
    """
    return angle_of(log(max((faces - 1) / _USUAL_PICTURES, 1.0)))


def most_typical(encodings: npt.NDArray[np.float32], groups: _Integers) -> _Integers:
    """Of each group the face whose mean cosine to the others is greatest, by the group's number."""
    faces = unit(encodings)
    sums = np.zeros((groups.max(initial=-1) + 1, faces.shape[1]))
    np.add.at(sums, groups, faces)
    order = np.lexsort((-np.einsum("ij,ij->i", faces, sums[groups]), groups))
    return order[np.flatnonzero(np.diff(groups[order], prepend=-1))]


def _agglomerate(
    sums: npt.NDArray[np.float64], sizes: _Integers, person: _Integers, least: float, alive: Alive
) -> _Integers:
    """Average linkage (Sokal and Michener 1958) of mean cosines down to ``least``, by chains of nearest neighbours.

    ``sums`` (n, 128) are sums of unit encodings: the mean cosine between two groups is the dot product of their
    means, so that no matrix of pairs is kept. A chain that ends in two that are each other's nearest joins them
    (Murtagh 1983); a group without a neighbour as near as ``least`` never gets one, and is done.
    """
    groups = _Groups(sums, sizes, person, least, alive)
    for start in range(len(sums)):
        chain = [start] if groups.active[start] else []
        while chain:
            alive()
            last, before = chain[-1], chain[-2] if len(chain) > 1 else None
            others, nearness = groups.nearness(last)
            place = int(nearness.argmax()) if len(others) else -1
            if place < 0 or nearness[place] < least:
                groups.active[chain.pop()] = False
            elif before is None or nearness[place] > nearness[np.searchsorted(others, before)] + _ROUNDING:
                chain.append(int(others[place]))
            else:
                del chain[-2:]
                # The later of the two stands for both, so that the outer loop is still to come to it.
                groups.join(*sorted((last, before)))
    return groups.group


class _Groups:
    """Groups while they are joined; ``group`` (n,) is the number of the one that each of the first ones is in by now.

    Of many, each is compared with those alone with which it may still be joined: a mean cosine of ``least`` needs two
    of the first groups, one in either, whose own is no less. These pairs are found once.
    """

    def __init__(
        self, sums: npt.NDArray[np.float64], sizes: _Integers, person: _Integers, least: float, alive: Alive
    ) -> None:
        self._sums, self._sizes, self._person = sums.copy(), sizes.copy(), person.copy()
        self._means = (sums / sizes[:, None]).astype(np.float32)
        self._everybody = np.arange(len(sums))
        self.group, self.active = self._everybody.copy(), np.ones(len(sums), bool)
        self._members = list(self._everybody[:, None])
        self._near = _near_pairs(self._means, least, alive) if len(sums) > MOST_COMPARED else None

    def nearness(self, last: int) -> tuple[_Integers, npt.NDArray[np.float32]]:
        """Groups by rising number, and their mean cosines to one; of those that cannot be joined with it -1."""
        if self._near is None:
            others, nearness = self._everybody, self._means @ self._means[last]
        else:
            others = self._near[last] = np.unique(self.group[self._near[last]])
            nearness = self._means[others] @ self._means[last]
        nearness[~self.active[others] | ((self._person[others] >= 0) & (self._person[last] >= 0))] = -1
        nearness[others == last] = -1
        return others, nearness

    def join(self, gone: int, kept: int) -> None:
        """Put the first of two groups into the second."""
        self._sums[kept] += self._sums[gone]
        self._sizes[kept] += self._sizes[gone]
        self._means[kept] = self._sums[kept] / self._sizes[kept]
        self._person[kept] = max(self._person[kept], self._person[gone])
        self.group[self._members[gone]] = kept
        self._members[kept] = np.concatenate([self._members[kept], self._members[gone]])
        if self._near is not None:
            self._near[kept] = np.concatenate([self._near[kept], self._near[gone]])
        self.active[gone] = False


def _near_pairs(means: npt.NDArray[np.float32], least: float, alive: Alive) -> list[_Integers] | None:
    """By group those whose cosine to it is at least nearly ``least``; None where they are too many to be kept."""
    first, second, found = [], [], 0
    for start in range(0, len(means), _BLOCK):
        alive()
        one, other = np.nonzero(means[start : start + _BLOCK] @ means[start:].T > least - _ROUNDING)
        later = other > one
        first.append((start + one[later]).astype(np.int32))
        second.append((start + other[later]).astype(np.int32))
        found += int(later.sum())
        if found > _MOST_PAIRS:
            return None
    ends = np.concatenate([*first, *second])
    others = np.concatenate([*second, *first])[np.argsort(ends, kind="stable")]
    return np.split(others, np.cumsum(np.bincount(ends, minlength=len(means)))[:-1])
