"""Reports of recognizers that were never built, from scores drawn at random."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from constants.reasons import Reason
from modelization.bundle.manifest import Manifest
from modelization.decision.evaluation import evaluate, evaluate_rule
from modelization.decision.held_out import HeldOut
from modelization.findings import Findings
from modelization.provenance import Provenance
from modelization.report.content import BuildReport, make_report
from modelization.topology import DEFAULT_TOPOLOGY
from test.modelization.made_up import PIPELINE


def held_out_of(
    logits: np.ndarray, strangers: np.ndarray, people: np.ndarray, known: np.ndarray, per_person: np.ndarray
) -> HeldOut:
    """What is kept of logits (n, people)."""
    highest = logits.max(axis=1).astype(np.float32)
    return HeldOut(highest, logits.argmax(axis=1), strangers.astype(np.float32), people, known, per_person)


def scores(counts: Sequence[int], seed: int = 0, gap: float = 3.0) -> HeldOut:
    """``counts[k]`` faces of person k, whose own logit is on average by ``gap`` above those of others.

    Faces of people with one face are not held out.
    """
    rng = np.random.default_rng(seed)
    per_person = np.array(counts)
    people = np.repeat(np.arange(len(counts)), counts)
    logits = rng.normal(size=(len(people), len(counts)))
    strangers = logits.max(axis=1)
    logits[np.arange(len(people)), people] += gap
    return held_out_of(logits, strangers, people, per_person[people] > 1, per_person)


def report(
    held_out: HeldOut,
    labels: Sequence[str] = (),
    name: str = "",
    findings: Findings | None = None,
    search: dict[str, Any] | None = None,
) -> BuildReport:
    """A report of these scores at a threshold of one half."""
    threshold, labels = 0.5, tuple(labels) or tuple(f"person {k}" for k in range(len(held_out.faces_per_person)))
    rules = {"cosine": evaluate_rule(held_out, 0.9), "network": evaluate_rule(held_out, threshold)}
    rejected = {Reason.DUPLICATE: ["twice.jpg"], Reason.NO_FACE: ["wall.jpg", "<i>.jpg"]}
    provenance = Provenance("made-up", 1, PIPELINE, "2026-01-01", 9, 3, rejected, findings or Findings())
    manifest = Manifest(
        recognizer_id="made-up",
        version=1,
        name=name,
        created_at=provenance.created_at,
        pipeline_version=PIPELINE,
        labels=labels,
        faces_per_person=tuple(held_out.faces_per_person.tolist()),
        images_used=provenance.images_used,
        images_rejected=provenance.images_rejected,
        topology=DEFAULT_TOPOLOGY,
        epochs=2,
        seed=0,
        target_fpir=0.01,
        threshold=threshold,
        rule="network",
        metrics=evaluate(held_out, threshold, labels),
        rules=rules,
        prior={"source": "nobody"},
        libraries={"numpy": "2"},
    )
    return make_report(manifest, held_out, ((1.5, 0.7, 0.6), (1.6, 0.9, 0.8)), provenance, search)
