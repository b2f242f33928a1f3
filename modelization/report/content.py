"""All that a report says, as data: its fields are the keys of ``report.json``, whose sentences are English."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from constants.reasons import Reason
from modelization.bundle.manifest import Manifest
from modelization.decision.held_out import HeldOut
from modelization.findings import Findings
from modelization.provenance import Provenance
from modelization.report.answers import Answers, answers
from modelization.report.open_set_curve import CurvePoint, open_set_curve
from modelization.report.proportion import Proportion, proportion
from modelization.report.words import ENGLISH, rights, rule_in_words, threshold_in_words

#: Version of the report's JSON; raised when a key goes or changes its meaning.
_REPORT_FORMAT = 2


@dataclass(frozen=True)
class Version:
    """Which version of which recognizer this is, and what it was made with; ``created_at`` is ISO 8601."""

    recognizer_id: str
    version: int
    name: str
    created_at: str
    pipeline_version: str
    seed: int
    prior: dict[str, str | int]
    libraries: dict[str, str]


@dataclass(frozen=True)
class RejectedFiles:
    """So many ``files`` that were not used, for one reason, and their ``names`` in the order sent."""

    reason: Reason
    message: str
    files: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Pictures:
    """How many people and faces of them, and from which images.

    ``first_of_several`` names the files with other pictures than the first, which alone was looked at.
    """

    people: int
    faces: int
    images_used: int
    images_rejected: int
    rejected: tuple[RejectedFiles, ...]
    first_of_several: tuple[str, ...]


@dataclass(frozen=True)
class Threshold:
    """The least confidence with which a face is named, the share of strangers asked for, and what both mean."""

    confidence: float
    target_fpir: float
    meaning: str


@dataclass(frozen=True)
class RuleResult:
    """What a decision rule reaches on held-out faces, at the threshold it has for the share of strangers asked for.

    ``closed_set``: the most confident person is the right one. ``known_named_right``: named, and rightly (DIR).
    ``strangers_named``: named although their own person was left out (FPIR). None is a share of no faces.
    """

    rule: str
    used: bool
    closed_set: Proportion | None
    known_named_right: Proportion | None
    strangers_named: Proportion | None


@dataclass(frozen=True)
class Training:
    """The head: its hidden layers, the epochs it was fitted, and held-out losses in nats by epoch, for each fold.

    Of many people no network is trained, and ``epochs`` is None.
    """

    topology: dict[str, Any]
    epochs: int | None
    held_out_losses: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class BuildReport:
    """A version's report; its figures are of faces that whatever judged them had not seen.

    ``search`` is what a search for a topology found (``SearchResult.to_json``), None where there was none.
    """

    format: int
    version: Version
    pictures: Pictures
    threshold: Threshold
    rules: tuple[RuleResult, ...]
    why_this_rule: str
    curve: tuple[CurvePoint, ...]
    answers: Answers
    findings: Findings
    training: Training
    search: dict[str, Any] | None

    @property
    def result(self) -> RuleResult:
        """What the recognizer itself reaches."""
        return next(rule for rule in self.rules if rule.used)

    def to_json(self) -> bytes:
        """The content of ``report.json``."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1, allow_nan=False).encode()


def make_report(
    manifest: Manifest,
    held_out: HeldOut,
    losses: tuple[tuple[float, ...], ...],
    provenance: Provenance,
    search: dict[str, Any] | None = None,
) -> BuildReport:
    """The report of a version; ``held_out`` is what its rule says, ``losses`` are ``TrainedHead.curves``."""
    return BuildReport(
        format=_REPORT_FORMAT,
        version=_version(manifest),
        pictures=_pictures(manifest, provenance),
        threshold=Threshold(
            manifest.threshold,
            manifest.target_fpir,
            threshold_in_words(ENGLISH, manifest.threshold, manifest.target_fpir),
        ),
        rules=tuple(_rule(name, manifest) for name in sorted(manifest.rules, key=lambda name: name != manifest.rule)),
        why_this_rule=rule_in_words(ENGLISH, manifest.rule, rights(manifest.rules)),
        curve=open_set_curve(held_out),
        answers=answers(held_out, manifest.threshold, manifest.labels),
        findings=provenance.findings,
        training=Training(manifest.topology.to_json(), manifest.epochs, losses),
        search=search,
    )


def _version(manifest: Manifest) -> Version:
    return Version(**{name: getattr(manifest, name) for name in Version.__dataclass_fields__})


def _pictures(manifest: Manifest, provenance: Provenance) -> Pictures:
    by_number = sorted(provenance.rejected.items(), key=lambda item: (-len(item[1]), item[0]))
    return Pictures(
        people=len(manifest.labels),
        faces=sum(manifest.faces_per_person),
        images_used=manifest.images_used,
        images_rejected=manifest.images_rejected,
        rejected=tuple(RejectedFiles(reason, reason.message, len(files), tuple(files)) for reason, files in by_number),
        first_of_several=tuple(provenance.firsts),
    )


def _rule(name: str, manifest: Manifest) -> RuleResult:
    rule, known, strangers = manifest.rules[name], manifest.metrics.held_out_faces, manifest.metrics.stranger_faces
    return RuleResult(
        rule=name,
        used=name == manifest.rule,
        closed_set=_of(rule.closed_set_accuracy, known),
        known_named_right=_of(rule.known_named_right, known),
        strangers_named=_of(rule.strangers_named, strangers),
    )


def _of(share: float | None, total: int) -> Proportion | None:
    return None if share is None else proportion(round(share * total), total)
