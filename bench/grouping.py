"""How well a grouping of faces matches the people: B-cubed and pairwise F-score."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Agreement:
    """Precision and recall of a grouping, 0 to 1."""

    precision: float
    recall: float

    @property
    def f(self) -> float:
        """F-score: the harmonic mean of precision and recall."""
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
    """Pairwise precision and recall of a grouping.

    Precision is the share of the pairs in one group that show one person, recall the share of the pairs of one person
    that are in one group.
    """
    both = (_together(people, groups) - 1).sum()
    grouped, owned = ((np.bincount(side)[side] - 1).sum() for side in (groups, people))
    return Agreement(float(both / max(grouped, 1)), float(both / max(owned, 1)))


def _together(people: _Integers, groups: _Integers) -> _Integers:
    """How many faces of its person are in each face's group, itself included; shape (n,)."""
    _, cell, sizes = np.unique(people * (groups.max() + 1) + groups, return_inverse=True, return_counts=True)
    return np.asarray(sizes[cell], np.int64)
