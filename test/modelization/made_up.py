"""Encodings of people who do not exist, with the statistics of dlib's encodings of those who do."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from constants.training import SAME_PERSON_COSINE
from features.training_set import TrainingSet
from modelization.provenance import Provenance

#: Mean cosine between different people, and the dimensions in which they differ: so many give the angles of
#: strangers to enrolled people the spread that dlib's have, 0.060 radians. Unlike real people, these do not
#: resemble each other in groups.
_COMMON, _DIMENSIONS = 0.835, 14
#: dlib's mean norm.
_NORM = 1.43

PROVENANCE = Provenance("made-up", 1, "1.test", "2026-01-01T00:00:00+00:00", 12, 3)


def faces(counts: Sequence[int], seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Encodings float32 (n, 128) and people int64 (n,): ``counts[k]`` faces of person k. Seeds share no person."""
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(len(counts)), counts)
    identity = np.zeros((len(counts), 128))
    identity[:, 1 : 1 + _DIMENSIONS] = _directions(rng, len(counts), _DIMENSIONS)
    common = np.eye(128)[0]
    picture = _directions(rng, len(people), 128)
    unit = (
        np.sqrt(_COMMON) * common
        + np.sqrt(SAME_PERSON_COSINE - _COMMON) * identity[people]
        + np.sqrt(1 - SAME_PERSON_COSINE) * picture
    )
    return (_NORM * unit).astype(np.float32), people.astype(np.int64)


def training_set(counts: Sequence[int], seed: int = 0) -> TrainingSet:
    encodings, people = faces(counts, seed)
    return TrainingSet(encodings, people, tuple(f"person {k:03}" for k in range(len(counts))))


def split(
    counts: Sequence[int], probes: int, seed: int = 0
) -> tuple[TrainingSet, npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """A training set, and ``probes`` other faces of each of its people with who they are."""
    encodings, people = faces([count + probes for count in counts], seed)
    place = np.concatenate([np.arange(count + probes) for count in counts])
    enrolled = place >= probes
    labels = tuple(f"person {k:03}" for k in range(len(counts)))
    return TrainingSet(encodings[enrolled], people[enrolled], labels), encodings[~enrolled], people[~enrolled]


def _directions(rng: np.random.Generator, count: int, dimensions: int) -> npt.NDArray[np.float64]:
    vectors = rng.normal(size=(count, dimensions))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
