"""What recognizers keep of their promises: the share of strangers named, and what a confidence means."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.training_set import TrainingSet
from modelization.decision.deciding import decide
from modelization.decision.decision_rule import THRESHOLD
from modelization.decision.held_out import examine
from modelization.decision.prior import Prior
from modelization.folds import assign_folds
from modelization.open_training_set import OpenTrainingSet
from modelization.topology import DEFAULT_TOPOLOGY
from preprocessor.types import Floats

_Integers = npt.NDArray[np.int64]

#: People of a gallery, and pictures of each.
SHAPES = ((5, 3), (20, 3), (100, 3), (5, 8), (20, 8), (100, 8))
#: Shares of strangers named that are asked for, by the suffix of their figures.
TARGETS = {"_5": 0.05, "_1": 0.01, "_01": 0.001}
USUAL_TARGET = "_1"
#: Bins of equal width of the expected calibration error.
BINS = 10


@dataclass(frozen=True)
class Gallery:
    """A gallery as rows of faces: the enrolled ones, probes of the same people, and strangers; and who each shows."""

    enrolled: _Integers
    enrolled_people: _Integers
    probes: _Integers
    probe_people: _Integers
    strangers: _Integers


@dataclass(frozen=True)
class Kept:
    """What a recognizer keeps at a target: FPIR over the one asked for, DIR, and what the best threshold adds to it."""

    fpir_ratio: float
    dir: float
    dir_lost: float


@dataclass(frozen=True)
class Judged:
    """What a recognizer keeps by target; confidences of as many known faces as strangers, too, and which are right."""

    kept: dict[str, Kept]
    confidence: dict[str, Floats]
    right: npt.NDArray[np.bool_]


def draw_galleries(people: _Integers, each: int, rng: np.random.Generator) -> Iterator[Gallery]:
    """``each`` galleries of every shape that there are people for; strangers are one face of everybody else."""
    count = np.bincount(people)
    for size, pictures in SHAPES:
        enough = np.flatnonzero(count > pictures)
        for _ in range(each if len(enough) >= size else 0):
            who = rng.choice(enough, size, replace=False)
            faces = [rng.permutation(np.flatnonzero(people == person)) for person in who]
            probes = [own[pictures:] for own in faces]
            others = rng.permutation(np.flatnonzero(~np.isin(people, who)))
            yield Gallery(
                np.concatenate([own[:pictures] for own in faces]),
                np.repeat(np.arange(size), pictures),
                np.concatenate(probes),
                np.repeat(np.arange(size), [len(own) for own in probes]),
                others[np.unique(people[others], return_index=True)[1]],
            )


def judge(gallery: Gallery, encodings: Floats, prior: Prior, seed: int) -> Judged:
    """Trains and decides as a build does, for every target, and shows the result faces that it has not seen."""
    from modelization import head_training  # TensorFlow, which takes seconds to load

    people = gallery.enrolled_people
    labels = tuple(f"person {k:03}" for k in range(people.max() + 1))
    known = TrainingSet(np.asarray(encodings[gallery.enrolled], np.float32), people, labels)
    faces = np.asarray(encodings[np.concatenate([gallery.probes, gallery.strangers])], np.float32)
    folds = assign_folds(people, seed)
    try:
        learned = OpenTrainingSet(known, folds, prior.background)
        head = head_training.train_head(learned, DEFAULT_TOPOLOGY, seed, lambda *_: None)
        posterior = head.predict(faces)
    finally:
        head_training.forget_networks()
    held_out = examine(known, folds, head.posterior, prior)
    decisions = {suffix: decide(known, held_out, prior, target) for suffix, target in TARGETS.items()}
    truth = np.concatenate([gallery.probe_people, np.full(len(gallery.strangers), -1)])
    kept, shown = {}, {}
    for suffix, decision in decisions.items():
        confidence = decision.decider.confidence(faces, posterior)
        kept[suffix] = _kept(confidence, truth, THRESHOLD, TARGETS[suffix])
        shown[suffix] = confidence
    # As many strangers as known faces: the mix that the calibration error is of.
    some = _alike(truth < 0, np.random.default_rng(seed))
    # By every target the same person is the likeliest: where the rules chosen differ, hardly ever another one.
    right = shown[USUAL_TARGET].argmax(axis=1) == truth
    return Judged(kept, {suffix: confidence.max(axis=1)[some] for suffix, confidence in shown.items()}, right[some])


def _kept(confidence: Floats, truth: _Integers, threshold: float, target: float) -> Kept:
    best, right = confidence.max(axis=1), confidence.argmax(axis=1) == truth
    known = truth >= 0
    afterwards = np.quantile(best[~known], 1 - target, method="higher")
    reached = float((right & (best >= threshold))[known].mean())
    possible = float((right & (best > afterwards))[known].mean())
    return Kept(float((best[~known] >= threshold).mean() / target), reached, possible - reached)


def _alike(strangers: npt.NDArray[np.bool_], rng: np.random.Generator) -> _Integers:
    known, others = rng.permutation(np.flatnonzero(~strangers)), rng.permutation(np.flatnonzero(strangers))
    count = min(len(known), len(others))
    return np.concatenate([known[:count], others[:count]])


def calibration_error(confidence: Floats, right: npt.NDArray[np.bool_]) -> float:
    """Expected calibration error: how far mean confidence and share right differ, by bin (Naeini et al. 2015)."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(confidence))
