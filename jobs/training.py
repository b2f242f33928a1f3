"""A claim of a training: name the faces, train, commit the finished dump."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from constants.exceptions import BuildCancelled
from constants.reasons import Reason
from features import store
from features.people import NamedFace, Picture, named_faces
from features.training_set import TrainingSet, assemble
from jobs import stages, tasks
from jobs.builds import count_files
from jobs.options import BuildOptions
from jobs.progress import EpochReport
from jobs.tables import FileState, builds, files, recognizers
from jobs.workplace import Workplace
from modelization.provenance import Provenance, TrainingOptions
from preprocessor.version import pipeline_version


def train_claim(workplace: Workplace, claim: tasks.Claim) -> None:
    """Train a build's recognizer and commit its dump.

    Raises ``BuildFailed`` where no recognizer can come of it, ``BuildCancelled`` where the lease is gone.
    """
    with workplace.database.read() as connection:
        build = _build(connection, claim)
        options = BuildOptions(**build.options)
        version = pipeline_version(options.applied_to(workplace.settings))
        provenance = _provenance(connection, build, version)
        pictures = _pictures(connection, build, version)
    named = named_faces(pictures)
    path = workplace.storage.dump(build.recognizer_id, build.version)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    training = TrainingOptions(name=build.name, target_fpir=options.target_fpir, seed=options.seed)
    request = stages.TrainRequest(_training_set(named), training, provenance, path)
    report = EpochReport(workplace.settings.database, claim)
    result = workplace.executor.submit(stages.train, request, report).result()
    message = f"{len(request.training_set.labels)} people from {len(request.training_set.people)} faces"
    with workplace.database.write() as connection:
        accepted = tasks.finish_training(connection, claim, result.manifest, result.sha256, message)
        if accepted:
            _record_people(connection, pictures, named)
    if not accepted:
        workplace.storage.erase_dump(build.recognizer_id, build.version)
        raise BuildCancelled("The lease is gone.")


def _build(connection: Connection, claim: tasks.Claim) -> Row[Any]:
    query = (
        select(builds, recognizers.c.name)
        .join(recognizers, recognizers.c.id == builds.c.recognizer_id)
        .where(builds.c.number == claim.build)
    )
    row = connection.execute(query).first()
    if row is None:
        raise BuildCancelled("The recognizer was deleted.")
    return row


def _pictures(connection: Connection, build: Row[Any], version: str) -> list[Picture]:
    query = select(files).where(files.c.build == build.number, files.c.state == FileState.ENCODED)
    rows = connection.execute(query.order_by(files.c.position)).all()
    features = store.get(connection, version, {row.content_hash for row in rows})
    return [Picture(row.id, row.content_hash, row.label, features[row.content_hash]) for row in rows]


def _training_set(named: list[NamedFace]) -> TrainingSet:
    return assemble(
        (face.person, f"{face.picture.content_hash}:{face.face}", face.picture.features.faces[face.face].encoding)
        for face in named
    )


def _provenance(connection: Connection, build: Row[Any], version: str) -> Provenance:
    counts = count_files(connection, build.number)
    return Provenance(
        recognizer_id=build.recognizer_id,
        version=build.version,
        pipeline_version=version,
        created_at=datetime.fromtimestamp(build.created_at, UTC).isoformat(timespec="seconds"),
        images_used=counts.get(FileState.ENCODED, 0),
        images_rejected=counts.get(FileState.REJECTED, 0),
    )


def _record_people(connection: Connection, pictures: list[Picture], named: list[NamedFace]) -> None:
    """Write down for every file which of its faces was taken for whom, or that none was."""
    people: dict[int, list[dict[str, Any]]] = {picture.file: [] for picture in pictures}
    for face in named:
        people[face.picture.file].append({"face": face.face, "person": face.person})
    for file, taken in people.items():
        reason = None if taken else Reason.TOO_FEW_FACES
        connection.execute(update(files).where(files.c.id == file).values(people=taken, reason=reason))
