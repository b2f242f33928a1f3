"""What real recognizers keep of their promises: the share of strangers named, and what a confidence means."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from features.training_set import TrainingSet
from modelization.building import build_recognizer
from modelization.provenance import Provenance, TrainingOptions
from modelization.recognizer import Identification, Recognizer
from preprocessor.types import Floats

_Integers = npt.NDArray[np.int64]

#: People of a gallery, and pictures of each.
SHAPES = ((20, 8), (2, 3), (5, 5), (20, 4), (50, 4), (20, 1))
#: Share of strangers named that is asked for.
TARGET_FPIR = 0.01
#: Bins of equal width of the expected calibration error.
BINS = 10
_PROVENANCE = Provenance("bench", 1, "bench", "1970-01-01T00:00:00+00:00", 0, 0)


@dataclass(frozen=True)
class Gallery:
    """Rows of faces: enrolled ones, other ones of the same people, and strangers'; who the first two show."""

    enrolled: _Integers
    enrolled_people: _Integers
    probes: _Integers
    probe_people: _Integers
    strangers: _Integers


@dataclass(frozen=True)
class Judged:
    """Of one recognizer: DIR, FPIR, and confidences with whether they were right, of both kinds alike many."""

    dir: float
    fpir: float
    confidence: Floats
    right: npt.NDArray[np.bool_]


def draw_galleries(people: _Integers, each: int, rng: np.random.Generator) -> Iterator[Gallery]:
    """``each`` galleries of every shape that there are people for; strangers are all who are not enrolled."""
    count = np.bincount(people)
    for size, pictures in SHAPES:
        enough = np.flatnonzero(count > pictures)
        for _ in range(each if len(enough) >= size else 0):
            who = rng.choice(enough, size, replace=False)
            faces = [rng.permutation(np.flatnonzero(people == person)) for person in who]
            probes = [own[pictures:] for own in faces]
            yield Gallery(
                np.concatenate([own[:pictures] for own in faces]),
                np.repeat(np.arange(size), pictures),
                np.concatenate(probes),
                np.repeat(np.arange(size), [len(own) for own in probes]),
                np.flatnonzero(~np.isin(people, who)),
            )


def judge(gallery: Gallery, encodings: Floats, seed: int) -> Judged:
    """Builds a gallery's recognizer as a service would, and shows it the faces that it has not seen."""
    labels = tuple(f"person {k:02}" for k in range(gallery.enrolled_people.max() + 1))
    known = TrainingSet(encodings[gallery.enrolled], gallery.enrolled_people, labels)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recognizer.zip"
        options = TrainingOptions(target_fpir=TARGET_FPIR, seed=seed)
        build_recognizer(known, options, _PROVENANCE, path, lambda *_: None)
        recognizer = Recognizer.load(path)
    probes = recognizer.identify(encodings[gallery.probes])
    strangers = recognizer.identify(encodings[gallery.strangers])
    truth = [labels[person] for person in gallery.probe_people]
    right = np.array([found.candidates[0].person == who for found, who in zip(probes, truth, strict=True)])
    named = np.array([found.person is not None for found in probes])
    # As many strangers as known faces: the mix that the calibration error is of.
    rng = np.random.default_rng(seed)
    alike = min(len(probes), len(strangers))
    some, others = rng.permutation(len(probes))[:alike], rng.permutation(len(strangers))[:alike]
    return Judged(
        dir=float((right & named).mean()),
        fpir=float(np.mean([found.person is not None for found in strangers])),
        confidence=np.concatenate([_confidences(probes)[some], _confidences(strangers)[others]]),
        right=np.concatenate([right[some], np.zeros(alike, bool)]),
    )


def calibration_error(confidence: Floats, right: npt.NDArray[np.bool_]) -> float:
    """Expected calibration error: how far mean confidence and share right differ, by bin (Naeini et al. 2015)."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def _confidences(found: list[Identification]) -> Floats:
    return np.array([face.confidence for face in found])
