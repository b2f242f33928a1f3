"""A claim of pictures: read, encode those never seen before, commit what came of each."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select

from constants.exceptions import BuildCancelled
from constants.reasons import Reason
from features import store
from features.store import ImageFeatures
from jobs import stages, tasks
from jobs.options import BuildOptions
from jobs.storage import Storage
from jobs.tables import builds, files
from jobs.tables import tasks as task_table
from jobs.workplace import Workplace
from preprocessor.version import pipeline_version


def encode_claim(workplace: Workplace, claim: tasks.Claim) -> None:
    """Encode a claim's pictures and commit. Raises ``BuildCancelled`` where the lease is gone."""
    with workplace.database.read() as connection:
        rows = _claimed_files(connection, claim)
        if not rows:
            raise BuildCancelled("The recognizer was deleted.")
        settings = BuildOptions(**rows[0].options).applied_to(workplace.settings)
        version = pipeline_version(settings)
        known = store.get(connection, version, {row.content_hash for row in rows})
    # By content, so that a picture that stands twice in a batch is encoded once.
    unknown = {row.content_hash: _image(workplace.storage, row) for row in rows if row.content_hash not in known}
    results = workplace.executor.submit(stages.encode, list(unknown.values()), settings).result()
    found = known | dict(zip(unknown, results, strict=True))
    with workplace.database.write() as connection:
        # Asked first: what was cancelled meanwhile must leave no encodings behind.
        if not tasks.finish_encoding(connection, claim, [_outcome(row.id, found[row.content_hash]) for row in rows]):
            raise BuildCancelled("The lease is gone.")
        store.put(connection, version, {h: image for h, image in found.items() if isinstance(image, ImageFeatures)})
    for row in rows:
        if not row.options["keep_images"]:
            _path(workplace.storage, row).unlink(missing_ok=True)


def _claimed_files(connection: Connection, claim: tasks.Claim) -> list[Row[Any]]:
    query = (
        select(files, builds.c.recognizer_id, builds.c.version, builds.c.options)
        .join(task_table, task_table.c.file == files.c.id)
        .join(builds, builds.c.number == files.c.build)
        .where(task_table.c.token == claim.token)
        .order_by(files.c.position)
    )
    return list(connection.execute(query))


def _path(storage: Storage, row: Row[Any]) -> Path:
    return storage.image(row.recognizer_id, row.version, row.position)


def _image(storage: Storage, row: Row[Any]) -> bytes:
    try:
        return _path(storage, row).read_bytes()
    except FileNotFoundError as error:
        raise BuildCancelled("The picture is gone: its recognizer was deleted.") from error


def _outcome(file: int, result: ImageFeatures | Reason) -> tasks.FileOutcome:
    if isinstance(result, Reason):
        return tasks.FileOutcome(file, reason=result)
    if not result.faces:
        return tasks.FileOutcome(file, faces=0, reason=Reason.NO_FACE)
    return tasks.FileOutcome(file, faces=len(result.faces))
