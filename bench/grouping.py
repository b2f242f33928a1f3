"""How well groups of faces are the people: BCubed and pairwise F."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Agreement:
    """Precision and recall of groups against people, 0 to 1."""

    precision: float
    recall: float

    @property
    def f(self) -> float:
        """Their harmonic mean."""
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-12)


def bcubed(people: _Integers, groups: _Integers) -> Agreement:
    """B-cubed precision and recall of a grouping (Bagga and Baldwin 1998).

    Precision is the share of a face's group that shows its person, recall the share of its person's faces that are in
    its group, each as the mean over faces. Numbers of people and groups are from 0, shape (n,).
    """
    together = _together(people, groups)
    return Agreement(
        float((together / np.bincount(groups)[groups]).mean()), float((together / np.bincount(people)[people]).mean())
    )


def pairwise(people: _Integers, groups: _Integers) -> Agreement:
    """Of pairs of faces in one group the share of one person's, and of one person's pairs the share in one group."""
    both = (_together(people, groups) - 1).sum()
    grouped, owned = ((np.bincount(side)[side] - 1).sum() for side in (groups, people))
    return Agreement(float(both / max(grouped, 1)), float(both / max(owned, 1)))


def _together(people: _Integers, groups: _Integers) -> _Integers:
    """For each face how many of its person's are in its group, itself included."""
    _, cell, sizes = np.unique(people * (groups.max() + 1) + groups, return_inverse=True, return_counts=True)
    return np.asarray(sizes[cell], np.int64)
