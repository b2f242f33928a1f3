"""The people of a recognizer as it keeps them: means of their encodings, no picture's own."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from features.angle_evidence import unit

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Gallery:
    """``means`` of raw and ``unit_means`` of unit encodings, float64 (people, 128), of so many ``faces`` (people,)."""

    means: _Floats
    unit_means: _Floats
    faces: npt.NDArray[np.int64]

    @cached_property
    def lengths(self) -> _Floats:
        """Euclidean lengths (people,) of the means."""
        return np.asarray(np.linalg.norm(self.means, axis=1))

    @cached_property
    def unit_lengths(self) -> _Floats:
        """Those of the unit means: the more alike a person's faces are, the nearer to one."""
        return np.asarray(np.linalg.norm(self.unit_means, axis=1))

    @property
    def inverse_faces(self) -> float:
        """Mean of 1 / faces, the part of a mean's variance that is for being of few pictures."""
        return float(np.mean(1 / self.faces))


def enrol(encodings: npt.NDArray[np.floating], people: npt.NDArray[np.int64], count: int) -> Gallery:
    """The gallery of raw encodings (n, 128) of ``count`` people, each with at least one face."""
    faces = np.bincount(people, minlength=count)
    order, first = np.argsort(people, kind="stable"), np.cumsum(faces) - faces
    most_first = np.argsort(-faces, kind="stable")
    sums, unit_sums = np.zeros((2, count, encodings.shape[1]))
    # Everybody's first face, then everybody's second: few steps, and no copy of all faces, of which there may be many.
    for place in range(int(faces.max(initial=0))):
        who = most_first[: np.searchsorted(-faces[most_first], -place)]
        vectors = encodings[order[first[who] + place]]
        sums[who] += vectors
        unit_sums[who] += unit(vectors)
    return Gallery(sums / faces[:, None], unit_sums / faces[:, None], faces)
