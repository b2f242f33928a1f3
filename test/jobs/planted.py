"""A recognizer in which everything that must be erasable is planted, and a search for what is left of it."""

import hashlib
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from features import store
from features.store import FaceFeatures, ImageFeatures, Shelf
from jobs.table import builds, tasks
from jobs.table.admission import Admission
from jobs.table.build_options import BuildOptions
from jobs.table.builds import Upload
from jobs.table.records import files_of
from jobs.table.tables import DEFAULT_TENANT, BuildState, TaskKind
from jobs.table.tasks import Ended
from jobs.work.encoding import encode_claim
from jobs.work.examining import Examined, examined, pictures_of, record
from jobs.workplace import Workplace
from modelization.bundle.manifest import Manifest
from modelization.decision.evaluation import Metrics, RuleMetrics
from modelization.topology import DEFAULT_TOPOLOGY
from preprocessor.version import pipeline_version
from test.conftest import jpeg

#: Pictures of each person.
EACH = 2


@dataclass
class Planted:
    """A recognizer's id, and what may stand nowhere once a person, or everybody, is erased: by the person."""

    recognizer_id: str = ""
    marks: dict[str, set[bytes]] = field(default_factory=dict)

    def left(self, *folders: Path, people: tuple[str, ...] = ()) -> list[str]:
        """Where something of people, or of anybody, is left in any file."""
        marks = {mark for person in people or self.marks for mark in self.marks[person]}
        files = (path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        found = []
        for path in files:
            content = path.read_bytes()
            found += [f"{path}: {mark[:20]!r}" for mark in marks if mark in content]
        return found


def plant(
    workplace: Workplace,
    people: tuple[str, ...],
    seed: int = 0,
    ready: bool = True,
    encodes: Workplace | None = None,
    **options: object,
) -> Planted:
    """Build a recognizer of people with faces that are made up; its bundle is none, but holds what one does.

    Another node ``encodes``, if any is given.
    """
    rng = np.random.default_rng(seed)
    planted = Planted(marks={person: {person.encode()} for person in people})
    uploads, known = [], {}
    for person in people:
        centre = rng.normal(size=128) * 0.11
        for number in range(EACH):
            content, encoding = _picture(rng, person), (centre + rng.normal(size=128) * 0.02).astype(np.float32)
            path = workplace.storage.incoming / uuid.uuid4().hex
            path.write_bytes(content)
            upload = Upload(f"{person}/{number}.jpg", person, hashlib.sha256(content).hexdigest(), path)
            uploads.append(upload)
            face = FaceFeatures((5.0, 5.0, 35.0, 35.0), 1.0, np.zeros((5, 2), np.float32), encoding)
            known[upload.content_hash] = ImageFeatures(40, 40, (face,))
            scan = content.index(b"\xff\xda")
            planted.marks[person] |= {encoding.astype("<f4").tobytes()[:64], content[scan + 40 : scan + 80]}
            planted.marks[person] |= {b"GPS " + person.encode()}
    with workplace.database.write() as connection:
        store.put(connection, Shelf(DEFAULT_TENANT, pipeline_version(workplace.settings)), known)
    planted.recognizer_id = builds.submit(
        workplace.database, workplace.storage, uploads, BuildOptions(**options), Admission(100)
    )
    while claim := tasks.claim(workplace.database, TaskKind.ENCODE, "inline:0"):
        encode_claim(encodes or workplace, claim)
    if ready:
        publish(workplace, planted)
    return planted


def publish(workplace: Workplace, planted: Planted) -> None:
    """End the training that waits as one ends, with a file that holds what must not be left."""
    claim = tasks.claim(workplace.database, TaskKind.TRAIN, "inline:0")
    with workplace.database.read() as connection:
        build = builds.build_numbered(connection, claim.build)
        files = files_of(connection, build.number)
        shelf = Shelf(DEFAULT_TENANT, pipeline_version(workplace.settings))
        found = examined(files, pictures_of(connection, shelf, files), build.options)
    path = workplace.storage.begin_bundle(build.recognizer_id, build.version, claim.token)
    labels = sorted({named.person for named in found.named})
    marks = (mark for label in labels for mark in planted.marks[label])
    path.write_bytes(b"".join(mark for mark in marks if not mark.startswith(b"GPS")))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    workplace.storage.shared.put_bundle(path)
    found_by = pipeline_version(workplace.settings)
    manifest = _manifest(planted.recognizer_id, build.version, labels, found, found_by).model_dump(mode="json")
    with workplace.database.write() as connection:
        assert tasks.finish_training(connection, claim, Ended(BuildState.READY, "", path.name, manifest, sha256))
        record(connection, build.number, found)


def _picture(rng: np.random.Generator, person: str) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = f"GPS {person}"
    return jpeg(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8), exif=exif)


def _manifest(recognizer_id: str, version: int, labels: list[str], found: Examined, found_by: str) -> Manifest:
    measured = RuleMetrics(1.0, 1.0, 0.0)
    return Manifest(
        recognizer_id=recognizer_id,
        version=version,
        name="",
        created_at="2026-01-01",
        pipeline_version=found_by,
        labels=tuple(labels),
        faces_per_person=tuple(sum(named.person == label for named in found.named) for label in labels),
        images_used=len(found.used),
        images_rejected=0,
        topology=DEFAULT_TOPOLOGY,
        epochs=1,
        seed=0,
        target_fpir=0.01,
        threshold=0.5,
        rule="cosine",
        metrics=Metrics(1.0, 1.0, 0.0, 1, 1, ()),
        rules={"cosine": measured},
        prior={"source": "nobody"},
        libraries={},
    )
