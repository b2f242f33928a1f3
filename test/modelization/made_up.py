"""Encodings of people who do not exist, drawn from what the prior says of people at large."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from features.training_set import TrainingSet
from modelization.decision.prior import prior_of
from modelization.open_training_set import OpenTrainingSet
from modelization.provenance import Provenance
from modelization.search.open_set_trial import OpenSetTrial

PIPELINE = "1.cascade.landmarks5.resnet.views2"
PROVENANCE = Provenance("made-up", 1, PIPELINE, "2026-01-01T00:00:00+00:00", 12, 3)
PRIOR = prior_of(PIPELINE)

#: dlib's mean norm, and its spread.
_NORM = 1.43, 0.07


def faces(counts: Sequence[int], seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Encodings float32 (n, 128) and people int64 (n,): ``counts[k]`` faces of person k. Seeds share no person."""
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(len(counts)), counts)
    identity = PRIOR.model.mean + rng.normal(size=(len(counts), 128)) @ _root(PRIOR.model.between)
    picture = rng.normal(size=(len(people), 128)) @ _root(PRIOR.model.within)
    length = rng.normal(*_NORM, size=(len(people), 1))
    return (length * (identity[people] + picture)).astype(np.float32), people.astype(np.int64)


def in_random_directions(count: int, seed: int) -> npt.NDArray[np.float32]:
    """Vectors of dlib's length that no picture of a face gives."""
    directions = np.random.default_rng(seed).normal(size=(count, 128))
    return (1.43 * directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(np.float32)


def training_set(counts: Sequence[int], seed: int = 0) -> TrainingSet:
    encodings, people = faces(counts, seed)
    return TrainingSet(encodings, people, tuple(f"person {k:03}" for k in range(len(counts))))


def learned(faces: TrainingSet, folds: npt.NDArray[np.int64]) -> OpenTrainingSet:
    """Faces as a network learns from them, beside the prior's strangers."""
    return OpenTrainingSet(faces, folds, PRIOR.background)


def trial(faces: TrainingSet, folds: npt.NDArray[np.int64], target_fpir: float = 0.01) -> OpenSetTrial:
    """The same, judged by the prior's rules."""
    return OpenSetTrial(learned(faces, folds), PRIOR, target_fpir)


def split(
    counts: Sequence[int], probes: int, seed: int = 0
) -> tuple[TrainingSet, npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """A training set, and ``probes`` other faces of each of its people with who they are."""
    encodings, people = faces([count + probes for count in counts], seed)
    place = np.concatenate([np.arange(count + probes) for count in counts])
    enrolled = place >= probes
    labels = tuple(f"person {k:03}" for k in range(len(counts)))
    return TrainingSet(encodings[enrolled], people[enrolled], labels), encodings[~enrolled], people[~enrolled]


def _root(covariance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))).T)
