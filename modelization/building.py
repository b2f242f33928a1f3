"""From a training set to a recognizer's file: the one entry."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from constants.exceptions import BuildFailed
from constants.faces import ENCODING_SIZE
from features.training_set import TrainingSet
from modelization.bundle.bundle_file import (
    HEAD_KERAS,
    HEAD_ONNX,
    HEAD_TFLITE,
    LABELS,
    MODEL_CARD,
    REPORT_HTML,
    REPORT_JSON,
    search_file,
    write_dump,
)
from modelization.bundle.head_onnx import export_head, prove_parity, recognizer_metadata
from modelization.bundle.manifest import Manifest, library_versions
from modelization.decision.deciding import decide
from modelization.decision.evaluation import evaluate
from modelization.decision.prior import prior_of
from modelization.folds import NEVER, assign_folds
from modelization.provenance import Provenance, TrainingOptions
from modelization.report.content import make_report
from modelization.report.model_card import write_model_card
from modelization.report.page import write_page
from modelization.search.search_options import SearchOptions
from modelization.training_progress import Progress, Report, SearchProgress

#: Random faces that parity is proved on, besides those the head was trained on.
_PARITY_FACES = 64

if TYPE_CHECKING:
    from modelization.search.topology_search import SearchResult

#: Read by TensorFlow when it is loaded: no order of additions that depends on the processor, so that the
#: same faces give the same head wherever it is trained; and no banners.
_TENSORFLOW = {"TF_ENABLE_ONEDNN_OPTS": "0", "TF_CPP_MIN_LOG_LEVEL": "3"}


def build_recognizer(
    training_set: TrainingSet, options: TrainingOptions, provenance: Provenance, path: Path, report: Report
) -> Manifest:
    """Train, calibrate, evaluate and export a recognizer; its bundle then stands at ``path``.

    The same training set and options give the same weights, unless a search runs out of its time. A search is kept
    in ``search_file(path)``, for the caller to delete, and goes on from there after a crash. Raises ``BuildFailed``
    for faces that cannot be learned from, and whatever ``report`` raises; nothing is then left at ``path``.
    """
    _check(training_set)
    # Imported here: TensorFlow takes seconds and hundreds of megabytes, which only a build should pay.
    os.environ.update(_TENSORFLOW)
    from modelization import head_training

    seed = options.seed
    prior = prior_of(provenance.pipeline_version)
    try:
        folds = assign_folds(training_set.people, seed)
        search = _search(training_set, folds, options.search, search_file(path), report)
        topology = search.chosen.topology if search else options.topology
        head = head_training.train_head(
            training_set, folds, topology, seed, lambda *count: report(Progress("epochs", *count))
        )
        decision = decide(training_set, folds, head.posterior, prior, options.target_fpir)
        metadata = recognizer_metadata(
            training_set.labels, decision.threshold, options.target_fpir, provenance.pipeline_version
        )
        onnx_file = export_head(topology, head.weights(), decision.decider, metadata)
        probes = _parity_probes(training_set, seed)
        prove_parity(onnx_file, probes, decision.decider.confidence(probes, head.predict(probes)))
        keras_file, tflite_file = head.keras_file(), head_training.tflite_file(head.model)
    finally:
        head_training.forget_networks()

    manifest = Manifest(
        recognizer_id=provenance.recognizer_id,
        version=provenance.version,
        name=options.name,
        created_at=provenance.created_at,
        pipeline_version=provenance.pipeline_version,
        labels=training_set.labels,
        faces_per_person=tuple(training_set.faces_per_person.tolist()),
        images_used=provenance.images_used,
        images_rejected=provenance.images_rejected,
        topology=topology,
        search=search.summary() if search else None,
        epochs=head.epochs,
        seed=seed,
        target_fpir=options.target_fpir,
        threshold=decision.threshold,
        rule=decision.decider.rule.name,
        metrics=evaluate(decision.held_out, decision.threshold, training_set.labels),
        rules=decision.metrics,
        prior=prior.provenance,
        libraries=library_versions(),
    )
    labels = json.dumps(training_set.labels, ensure_ascii=False, indent=2)
    found = search.to_json() if search else None
    build_report = make_report(manifest, decision.held_out, head.curves, provenance, found)
    files = {
        HEAD_KERAS: keras_file,
        HEAD_TFLITE: tflite_file,
        HEAD_ONNX: onnx_file,
        LABELS: labels.encode(),
        MODEL_CARD: write_model_card(manifest).encode(),
        REPORT_HTML: write_page(build_report),
        REPORT_JSON: build_report.to_json(),
    }
    return write_dump(path, manifest, files)


def _search(
    faces: TrainingSet, folds: npt.NDArray[np.int64], options: SearchOptions | None, state: Path, report: Report
) -> "SearchResult | None":
    """What a search found, where one is asked for and some face is held out to judge topologies by."""
    if options is None or folds.max() == NEVER:
        return None
    from modelization.search.topology_search import search_topology

    def tell(far: SearchProgress) -> None:
        report(Progress("generations", far.generation, far.generations, far))

    return search_topology(faces, folds, options, state, tell)


def _check(training_set: TrainingSet) -> None:
    if len(training_set.labels) < 2 or training_set.faces_per_person.min() < 1:
        raise BuildFailed("A recognizer needs at least one usable face of each of at least two people.")
    if not np.isfinite(training_set.encodings).all():
        raise BuildFailed("An encoding holds a number that is not finite; encode the pictures again.")


def _parity_probes(training_set: TrainingSet, seed: int) -> np.ndarray:
    """Faces to compare two runs of a head on: known ones, and ones from anywhere."""
    anywhere = np.random.default_rng(seed).normal(size=(_PARITY_FACES, ENCODING_SIZE)).astype(np.float32)
    return np.concatenate([training_set.encodings[: _PARITY_FACES * 16], anywhere])
