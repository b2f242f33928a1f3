"""From a training set to a recognizer's file: the one entry."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from constants.exceptions import BuildFailed
from constants.faces import ENCODING_SIZE
from constants.release import VERSION
from features.training_set import TrainingSet
from modelization.bundle.bundle_file import (
    LABELS,
    MODEL_CARD,
    REPORT_JSON,
    search_file,
    write_bundle,
)
from modelization.bundle.head_onnx import recognizer_metadata
from modelization.bundle.manifest import BUNDLE_FORMAT, NETWORK_FORMAT, Manifest, library_versions
from modelization.decision.deciding import Decision, decide
from modelization.decision.decision_rule import THRESHOLD
from modelization.decision.evaluation import evaluate
from modelization.decision.held_out import examine
from modelization.decision.near_decider import NearDecider
from modelization.decision.prior import Prior, prior_of
from modelization.decision.shortlist import MOST_JUDGED
from modelization.decision.two_covariance import TwoCovariance
from modelization.face_recognizer import DOUBT_MARGIN
from modelization.folds import NEVER, assign_folds
from modelization.open_training_set import OpenTrainingSet
from modelization.provenance import Provenance, TrainingOptions
from modelization.report.content import make_report
from modelization.report.model_card import write_model_card
from modelization.report.page import write_pages
from modelization.search.open_set_trial import OpenSetTrial
from modelization.search.search_options import SearchOptions
from modelization.topology import Topology
from modelization.training_progress import Progress, Report, Said, SearchProgress, preparing

#: Strangers that parity is proved on, and faces that the recognizer was made of, at the most. Of many people as many as
#: strangers: each form compares every face with ``LISTED`` people, in a megabyte or two.
_PARITY_STRANGERS, _PARITY_KNOWN = 64, 1024

if TYPE_CHECKING:
    from modelization.search.topology_search import SearchResult

#: Read by TensorFlow when it is loaded: no order of additions that depends on the processor, so that the
#: same faces give the same head wherever it is trained; and no banners.
_TENSORFLOW = {"TF_ENABLE_ONEDNN_OPTS": "0", "TF_CPP_MIN_LOG_LEVEL": "3"}


@dataclass(frozen=True)
class _Trained:
    """A trained and calibrated head: its topology, where that comes from, its files and how far these are apart.

    Of many people no network is trained: its ``epochs`` are None.
    """

    topology: Topology
    search: "SearchResult | None"
    epochs: int | None
    curves: tuple[tuple[float, ...], ...]
    prior: Prior
    decision: Decision
    files: dict[str, bytes]
    parity: dict[str, float]


def build_recognizer(
    training_set: TrainingSet, options: TrainingOptions, provenance: Provenance, path: Path, report: Report
) -> Manifest:
    """Train, calibrate, evaluate and export a recognizer; its bundle then stands at ``path``.

    The same training set and options give the same weights, unless a search runs out of its time. A search is kept
    in ``search_file(path)``, for the caller to delete, and goes on from there after a crash. Raises ``BuildFailed``
    for faces that cannot be learned from, and whatever ``report`` raises; nothing is then left at ``path``.
    """
    _check(training_set)
    said = Said(report, preparing(options.search is not None))
    if len(training_set.labels) > MOST_JUDGED:
        trained = _enrol(training_set, options, provenance.pipeline_version, said)
    else:
        trained = _train(training_set, options, provenance.pipeline_version, search_file(path), said)
    manifest = _manifest(training_set, options, provenance, trained)
    found = trained.search.to_json() if trained.search else None
    build_report = make_report(manifest, trained.decision.held_out, trained.curves, provenance, found)
    files = {
        **trained.files,
        LABELS: json.dumps(training_set.labels, ensure_ascii=False, indent=2).encode(),
        MODEL_CARD: write_model_card(manifest).encode(),
        **write_pages(build_report),
        REPORT_JSON: build_report.to_json(),
    }
    said.again()
    return write_bundle(path, manifest, files)


def _train(faces: TrainingSet, options: TrainingOptions, pipeline_version: str, state: Path, said: Said) -> _Trained:
    """A head of the topology that the options name or a search finds, with the decision made of it."""
    # Imported here: TensorFlow takes seconds and hundreds of megabytes, which only a build should pay.
    os.environ.update(_TENSORFLOW)
    from modelization import head_training
    from modelization.bundle import head_forms

    prior = prior_of(pipeline_version)
    try:
        folds = assign_folds(faces.people, options.seed)
        learned = OpenTrainingSet(faces, folds, prior.background)
        search = _search(OpenSetTrial(learned, prior, options.target_fpir), options.search, state, said)
        topology = search.chosen.topology if search else options.topology
        count = lambda *done_of_total: said(Progress("epochs", *done_of_total))  # noqa: E731
        head = head_training.train_head(learned, topology, options.seed, count)
        held_out = examine(faces, folds, head.posterior, prior, said.again)
        decision = decide(faces, held_out, prior, options.target_fpir)
        said.again()
        metadata = recognizer_metadata(
            faces.labels, THRESHOLD, options.target_fpir, decision.strictness, pipeline_version
        )
        files = head_forms.export_forms(head, topology, decision.decider, prior.background, metadata)
        said.again()
        probes = _parity_probes(faces, prior.model, options.seed)
        parity = head_forms.prove_forms(files, probes, decision.decider.confidence(probes, head.predict(probes)))
        return _Trained(topology, search, head.epochs, head.curves, prior, decision, files, parity)
    finally:
        head_training.forget_networks()


def _enrol(faces: TrainingSet, options: TrainingOptions, pipeline_version: str, said: Said) -> _Trained:
    """A head of many people, who are judged by the learned rule alone."""
    os.environ.update(_TENSORFLOW)
    from modelization import head_training
    from modelization.bundle import head_forms

    prior = prior_of(pipeline_version)
    said(Progress("epochs", 0, 1))
    try:
        held_out = examine(faces, assign_folds(faces.people, options.seed), None, prior, said.again)
        decision = decide(faces, held_out, prior, options.target_fpir)
        decider = decision.decider
        assert isinstance(decider, NearDecider)
        said.again()
        metadata = recognizer_metadata(
            faces.labels, THRESHOLD, options.target_fpir, decision.strictness, pipeline_version
        )
        files = head_forms.export_near_forms(decider, metadata)
        said.again()
        probes = _parity_probes(faces, prior.model, options.seed)
        parity = head_forms.prove_near_forms(files, probes, decider.confidence(probes))
        said(Progress("epochs", 1, 1))
        return _Trained(options.topology, None, None, (), prior, decision, files, parity)
    finally:
        head_training.forget_networks()


def _manifest(faces: TrainingSet, options: TrainingOptions, provenance: Provenance, trained: _Trained) -> Manifest:
    """What the bundle says of itself."""
    decision = trained.decision
    return Manifest(
        format=BUNDLE_FORMAT if trained.epochs is None else NETWORK_FORMAT,
        release=VERSION,
        recognizer_id=provenance.recognizer_id,
        version=provenance.version,
        name=options.name,
        created_at=provenance.created_at,
        pipeline_version=provenance.pipeline_version,
        labels=faces.labels,
        faces_per_person=tuple(faces.faces_per_person.tolist()),
        images_used=provenance.images_used,
        images_rejected=provenance.images_rejected,
        topology=trained.topology,
        search=trained.search.summary() if trained.search else None,
        epochs=trained.epochs,
        seed=options.seed,
        target_fpir=options.target_fpir,
        threshold=THRESHOLD,
        threshold_logit=decision.threshold_logit,
        strictness=decision.strictness,
        doubt_margin=DOUBT_MARGIN,
        rule=decision.decider.rule.name,
        metrics=evaluate(decision.held_out, THRESHOLD, faces.labels),
        rules=decision.metrics,
        prior=trained.prior.provenance,
        libraries=library_versions(),
        head_parity=trained.parity,
    )


def _search(trial: OpenSetTrial, options: SearchOptions | None, state: Path, report: Report) -> "SearchResult | None":
    """What a search found, where one is asked for and some face is held out to judge topologies by."""
    if options is None or trial.faces.folds.max() == NEVER:
        return None
    from modelization.search.topology_search import search_topology

    def on_generation(progress: SearchProgress) -> None:
        report(Progress("generations", progress.generation, progress.generations, progress))

    return search_topology(trial, options, state, on_generation)


def _check(training_set: TrainingSet) -> None:
    if not training_set.labels or training_set.faces_per_person.min() < 1:
        raise BuildFailed("A recognizer needs at least one usable face of each of its people.")
    if not np.isfinite(training_set.encodings).all():
        raise BuildFailed("An encoding holds a number that is not finite; encode the pictures again.")


def _parity_probes(training_set: TrainingSet, model: TwoCovariance, seed: int) -> np.ndarray:
    """Faces to compare the forms of a head on: known ones, strangers at large, and some that cannot be judged."""
    strangers = model.draw(_PARITY_STRANGERS, np.random.default_rng(seed))
    strangers *= np.linalg.norm(training_set.encodings, axis=1).mean()  # they are drawn at length one
    none = np.repeat([[0.0], [np.nan], [np.inf]], ENCODING_SIZE, axis=1)
    known = _PARITY_STRANGERS if len(training_set.labels) > MOST_JUDGED else _PARITY_KNOWN
    return np.concatenate([training_set.encodings[:known], strangers, none]).astype(np.float32)
