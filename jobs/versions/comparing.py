"""What changed from one version of a recognizer to another."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Connection

from constants.exceptions import NotReady
from features.database import Database
from jobs.table.builds import build_of
from jobs.table.records import files_of
from jobs.table.tables import BuildState
from modelization.bundle.manifest import Manifest
from modelization.decision.evaluation import Metrics

#: A face: the content hash of its picture, and its index there.
_Face = tuple[str, int]


@dataclass(frozen=True)
class Figures:
    """How a version does."""

    version: int
    people: int
    faces: int
    threshold: float
    target_fpir: float
    metrics: Metrics


@dataclass(frozen=True)
class Renaming:
    """A label whose faces have another one now."""

    before: str
    after: str


@dataclass(frozen=True)
class FaceCount:
    """From how many faces somebody was learnt."""

    label: str
    before: int
    after: int


@dataclass(frozen=True)
class Changes:
    """The labels that came and went, those renamed, and those whose faces are more or fewer."""

    added: list[str]
    removed: list[str]
    renamed: list[Renaming]
    faces: list[FaceCount]


@dataclass(frozen=True)
class Comparison:
    """What changed between two versions of a recognizer."""

    id: str
    before: Figures
    after: Figures
    people: Changes


def compare(database: Database, recognizer_id: str, before: int | None, after: int | None) -> Comparison:
    """People added, removed and renamed between two versions, their faces, and the figures of both.

    ``None`` is the latest version. A person is renamed, or joined to somebody, where most of the faces stand for
    another label in the other version. Raises ``NotReady`` for a version that is not ready, else as
    ``builds.status`` does.
    """
    with database.read() as connection:
        old, old_faces = _version(connection, recognizer_id, before)
        new, new_faces = _version(connection, recognizer_id, after)
    return Comparison(recognizer_id, _figures(old), _figures(new), _changes(old_faces, new_faces))


def _version(connection: Connection, recognizer_id: str, version: int | None) -> tuple[Manifest, dict[_Face, str]]:
    """The manifest of a version, and for whom its faces stand."""
    build = build_of(connection, recognizer_id, version)
    if build.state != BuildState.READY:
        raise NotReady(f"Version {build.version} is not ready, so that there is nothing to compare.")
    return build.ready_manifest, {
        (file.content_hash, face.index): face.person
        for file in files_of(connection, build.number)
        for face in file.faces
        if face.person is not None
    }


def _changes(before: dict[_Face, str], after: dict[_Face, str]) -> Changes:
    old, new = Counter(before.values()), Counter(after.values())
    renamed = {}
    for label in old.keys() - new.keys():
        now = [after[face] for face, person in before.items() if person == label and face in after]
        most = max(set(now), key=now.count, default=None)
        if most is not None and 2 * now.count(most) > old[label]:
            renamed[label] = most
    return Changes(
        added=sorted(new.keys() - old.keys() - set(renamed.values())),
        removed=sorted(old.keys() - new.keys() - renamed.keys()),
        renamed=[Renaming(label, renamed[label]) for label in sorted(renamed)],
        faces=[
            FaceCount(label, old[label], new[label])
            for label in sorted(old.keys() & new.keys())
            if old[label] != new[label]
        ],
    )


def _figures(manifest: Manifest) -> Figures:
    return Figures(
        manifest.version,
        len(manifest.labels),
        sum(manifest.faces_per_person),
        manifest.threshold,
        manifest.target_fpir,
        manifest.metrics,
    )
