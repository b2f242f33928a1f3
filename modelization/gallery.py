"""The people of a recognizer as directions, and the angle of a face to each."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from constants.training import SAME_PERSON_COSINE

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Gallery:
    """``directions`` is float64 (people, 128): of each person the mean of unit encodings, at the length that
    makes a dot product with it what the cosine to one picture would be expected to be.
    """

    directions: _Floats

    def angles(self, encodings: npt.NDArray[np.floating]) -> _Floats:
        """Radians between raw encodings (n, 128) and each person, float64 (n, people)."""
        return np.arccos(np.clip(unit(encodings) @ self.directions.T, -1.0, 1.0))


def enrol(encodings: npt.NDArray[np.floating], people: npt.NDArray[np.int64], count: int) -> Gallery:
    """The gallery of raw encodings (n, 128) of ``count`` people, each with at least one face.

    The mean of n pictures lies nearer to everyone than a picture does. With a mean cosine r between
    pictures of a person, the mean has the expected length sqrt(r + (1 - r) / n); a direction of that
    length undoes it, and people with many pictures and with few are measured alike.
    """
    faces = unit(encodings)
    sums = np.zeros((count, faces.shape[1]))
    np.add.at(sums, people, faces)
    n = np.bincount(people, minlength=count)[:, None]
    return Gallery(unit(sums) * np.sqrt(SAME_PERSON_COSINE + (1 - SAME_PERSON_COSINE) / n))


def unit(vectors: npt.NDArray[np.floating]) -> _Floats:
    """Vectors (n, d) at unit length; a zero vector stays zero."""
    wide = np.asarray(vectors, np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))
