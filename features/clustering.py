"""Faces without names, grouped into people."""

from math import cos, log

import numpy as np
import numpy.typing as npt

from features.alive import Alive, unheard
from features.angle_evidence import angle_of, unit

#: Pictures of a person that are usual in a heap of pictures without names: how likely two of its faces are one
#: person's beforehand. Among 30 to 6,000 faces of other people, 10 to 30 give groups of nearly the same quality.
_USUAL_PICTURES = 20

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
    sums, sizes, person, group = sums.copy(), sizes.copy(), person.copy(), np.arange(len(sums))
    means = (sums / sizes[:, None]).astype(np.float32)
    active = np.ones(len(sums), bool)
    for start in range(len(sums)):
        chain = [start] if active[start] else []
        while chain:
            alive()
            last, before = chain[-1], chain[-2] if len(chain) > 1 else None
            nearness = means @ means[last]
            nearness[~active | ((person >= 0) & (person[last] >= 0))] = -1
            nearness[last] = -1
            nearest = int(nearness.argmax())
            if nearness[nearest] < least:
                active[chain.pop()] = False
            elif before is None or nearness[nearest] > nearness[before] + _ROUNDING:
                chain.append(nearest)
            else:
                del chain[-2:]
                # The later of the two stands for both, so that the outer loop is still to come to it.
                gone, kept = sorted((last, before))
                sums[kept] += sums[gone]
                sizes[kept] += sizes[gone]
                means[kept] = sums[kept] / sizes[kept]
                person[kept] = max(person[kept], person[gone])
                group[group == gone] = kept
                active[gone] = False
    return group
