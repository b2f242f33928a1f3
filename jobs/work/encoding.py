"""A claim of pictures: read, encode those never seen before, commit what came of each."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select

from constants.exceptions import BuildCancelled
from constants.reasons import Reason
from features import store
from features.store import ImageFeatures
from jobs.storage import Storage
from jobs.table import tasks
from jobs.table.tables import builds, files
from jobs.table.tables import tasks as task_table
from jobs.work import stages
from jobs.work.clips import Frame, encode_video, replace_by_frames
from jobs.work.pipelines import settings_of_build
from jobs.workplace import Workplace
from preprocessor.media_formats import is_video
from preprocessor.version import pipeline_version

#: What came of a picture, or of a video.
_Found = ImageFeatures | list[Frame] | Reason


def encode_claim(workplace: Workplace, claim: tasks.Claim) -> None:
    """Encode a claim's pictures and videos and commit. Raises ``BuildCancelled`` where the lease is gone."""
    with workplace.database.read() as connection:
        rows = _claimed_files(connection, claim)
        if not rows:
            raise BuildCancelled("The recognizer was deleted.")
        settings = settings_of_build(rows[0], workplace.settings)
        version = pipeline_version(settings)
        known = store.get(connection, version, {row.content_hash for row in rows})
    # By content, so that what stands twice in a batch is encoded once.
    unknown = {row.content_hash: _path(workplace.storage, row) for row in rows if row.content_hash not in known}
    videos = {content: path for content, path in unknown.items() if _is_video(path)}
    pictures = {content: _image(path) for content, path in unknown.items() if content not in videos}
    encoded = workplace.executor.submit(stages.encode, list(pictures.values()), settings).result() if pictures else []
    found = known | dict(zip(pictures, encoded, strict=True))
    clips = {content: encode_video(workplace, claim, content, path, settings) for content, path in videos.items()}
    _commit(workplace, claim, rows, version, found | clips)
    for row in rows:
        if not row.options["keep_images"]:
            _path(workplace.storage, row).unlink(missing_ok=True)


def _commit(
    workplace: Workplace, claim: tasks.Claim, rows: Sequence[Row[Any]], version: str, found: Mapping[str, _Found]
) -> None:
    with workplace.database.write() as connection:
        # Asked first: what was cancelled meanwhile must leave no encodings behind.
        if not tasks.finish_encoding(connection, claim, [_outcome(row.id, found[row.content_hash]) for row in rows]):
            raise BuildCancelled("The lease is gone.")
        images = {content: image for content, image in found.items() if isinstance(image, ImageFeatures)}
        frames = [frame for clip in found.values() if isinstance(clip, list) for frame in clip]
        store.put(connection, version, images | {frame.content_hash: frame.features for frame in frames})
        for row in rows:
            clip = found[row.content_hash]
            if isinstance(clip, list):
                replace_by_frames(connection, row, clip)


def _claimed_files(connection: Connection, claim: tasks.Claim) -> list[Row[Any]]:
    query = (
        select(files, builds.c.recognizer_id, builds.c.version, builds.c.options, builds.c.pipeline_version)
        .join(task_table, task_table.c.file == files.c.id)
        .join(builds, builds.c.number == files.c.build)
        .where(task_table.c.token == claim.token)
        .order_by(files.c.position)
    )
    return list(connection.execute(query))


def _path(storage: Storage, row: Row[Any]) -> Path:
    return storage.image(row.recognizer_id, row.version, row.position)


def _is_video(path: Path) -> bool:
    try:
        return is_video(path)
    except FileNotFoundError as error:
        raise _gone() from error


def _image(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise _gone() from error


def _gone() -> BuildCancelled:
    return BuildCancelled("The picture is gone: its recognizer was deleted.")


def _outcome(file: int, found: _Found) -> tasks.FileOutcome:
    if isinstance(found, Reason):
        return tasks.FileOutcome(file, reason=found)
    if isinstance(found, list):
        return tasks.FileOutcome(file)
    if not found.faces:
        return tasks.FileOutcome(file, faces=0, reason=Reason.NO_FACE)
    return tasks.FileOutcome(file, faces=len(found.faces))
