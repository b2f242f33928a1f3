"""What changed from one version of a recognizer to another."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from constants.exceptions import NotReady
from features.database import Database
from jobs.table.builds import build_of
from jobs.table.records import File, files_of
from jobs.table.tables import BuildState
from modelization.bundle.manifest import Manifest

#: A face: the content hash of its picture, and its index there.
_Face = tuple[str, int]


def compare(database: Database, recognizer_id: str, one: int | None, other: int | None) -> dict[str, Any]:
    """People added, removed and renamed from version ``one`` to ``other``, their faces, and the figures of both.

    ``None`` is the latest version. A person is renamed, or joined to somebody, where most of the faces stand for
    another label in the other version. Raises ``NotReady`` for a version that is not ready, else as
    ``builds.status`` does.
    """
    versions = []
    with database.read() as connection:
        for version in (one, other):
            build = build_of(connection, recognizer_id, version)
            if build.state != BuildState.READY:
                raise NotReady(f"Version {build.version} is not ready, so that there is nothing to compare.")
            versions.append((build.bundle, dict(_standing(files_of(connection, build.number)))))
    (before, faces_before), (after, faces_after) = versions
    return {
        "id": recognizer_id,
        "from": _figures(before),
        "to": _figures(after),
        "people": _changes(faces_before, faces_after),
    }


def _standing(files: Iterable[File]) -> Iterator[tuple[_Face, str]]:
    """The faces of files that stand for somebody, and for whom."""
    for file in files:
        for face in file.faces:
            if face.person is not None:
                yield (file.content_hash, face.index), face.person


def _changes(before: dict[_Face, str], after: dict[_Face, str]) -> dict[str, Any]:
    labels_before, labels_after = _counts(before), _counts(after)
    renamed = {}
    for label in labels_before.keys() - labels_after.keys():
        now = [after[face] for face, person in before.items() if person == label and face in after]
        most = max(set(now), key=now.count, default=None)
        if most is not None and 2 * now.count(most) > labels_before[label]:
            renamed[label] = most
    return {
        "added": sorted(labels_after.keys() - labels_before.keys() - set(renamed.values())),
        "removed": sorted(labels_before.keys() - labels_after.keys() - renamed.keys()),
        "renamed": [{"from": label, "to": renamed[label]} for label in sorted(renamed)],
        "faces": [
            {"label": label, "from": labels_before[label], "to": labels_after[label]}
            for label in sorted(labels_before.keys() & labels_after.keys())
            if labels_before[label] != labels_after[label]
        ],
    }


def _counts(faces: dict[_Face, str]) -> Counter[str]:
    return Counter(faces.values())


def _figures(manifest: Manifest) -> dict[str, Any]:
    return {
        "version": manifest.version,
        "people": len(manifest.labels),
        "faces": sum(manifest.faces_per_person),
        "threshold": manifest.threshold,
        "target_fpir": manifest.target_fpir,
        "metrics": manifest.model_dump(mode="json")["metrics"],
    }
