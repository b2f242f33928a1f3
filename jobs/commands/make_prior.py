"""Making a prior from a data set on this machine: the command ``run.py prior``."""

import hashlib
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from constants.exceptions import InvalidRequest
from constants.faces import ENCODING_SIZE
from constants.settings import Settings, load_settings
from features.labelled_face import labelled_face
from features.store import ImageFeatures
from jobs.work import stages
from modelization.decision.prior import prior_path
from modelization.decision.prior_fitting import fit_prior
from preprocessor.face_pipeline import prepare_graphs
from preprocessor.version import pipeline_version

#: Pictures that are sent to a process at once.
_BATCH = 32


def make_prior(dataset: Path, source: str, out: Path | None) -> None:
    """Encode a folder of people with the pipeline of the settings, and learn its prior into a file.

    Raises ``InvalidRequest`` where the data set does not have enough people with several pictures.
    """
    settings = load_settings()
    version = pipeline_version(settings)
    out = out or prior_path(version)
    files = pictures_of(dataset)
    found = list(_encoded(files, settings))
    names = [file.parent.name for file, _ in found]
    _, people = np.unique(names, return_inverse=True)
    provenance: dict[str, str | int] = {
        "source": source,
        "pictures": len(found),
        "people": len(set(names)),
        "content": fingerprint(files),
        "pipeline_version": version,
    }
    encodings = (
        np.stack([encoding for _, encoding in found]).astype(np.float32)
        if found
        else np.empty((0, ENCODING_SIZE), np.float32)
    )
    with tqdm(desc="galleries", file=sys.stderr, disable=None) as bar:
        try:
            fit_prior(encodings, people, provenance, report=lambda *count: _show(bar, *count)).save(out)
        except ValueError as error:
            raise InvalidRequest(
                f"{dataset} holds too few people with several pictures for a prior: {error}."
            ) from error
    print(f"{out}: {len(found)} faces of {len(set(names))} people")


def _encoded(files: list[Path], settings: Settings) -> Iterator[tuple[Path, npt.NDArray[np.float32]]]:
    """The files with a face, and the encoding of the one that the label means."""
    prepare_graphs(settings)
    batches = [files[start : start + _BATCH] for start in range(0, len(files), _BATCH)]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        results = pool.map(_encode, batches, [settings] * len(batches))
        for batch, images in tqdm(
            zip(batches, results, strict=True), "encoding", len(batches), file=sys.stderr, disable=None
        ):
            for file, image in zip(batch, images, strict=True):
                if isinstance(image, ImageFeatures) and image.faces:
                    yield file, image.faces[labelled_face(image)].encoding


def _encode(files: list[Path], settings: Settings) -> list[object]:
    return list(stages.encode([file.read_bytes() for file in files], settings, every_face=False))


def pictures_of(dataset: Path) -> list[Path]:
    """Every file in the folder of a person."""
    return sorted(file for person in dataset.iterdir() if person.is_dir() for file in person.iterdir())


def fingerprint(files: list[Path]) -> str:
    """SHA-256 of the files' own hashes: what a prior was made from, whatever the files are called."""
    hashes = sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def _show(bar: "tqdm[None]", done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)
