"""A claim of pictures: read, encode those never seen before, commit what came of each."""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection, select

from constants.exceptions import BuildCancelled
from constants.reasons import Reason
from constants.settings import Settings
from features import store
from features.store import ImageFeatures, Shelf
from jobs.table import tasks
from jobs.table.builds import build_numbered
from jobs.table.records import Build, File, files_where
from jobs.table.tables import tasks as task_table
from jobs.table.work_counts import Took, Work, count_duration
from jobs.work import stages
from jobs.work.clips import Frame, encode_video, replace_by_frames
from jobs.work.kept_pictures import take_bare, write_bare
from jobs.work.pipelines import settings_of_build
from jobs.work.pulse import Step
from jobs.workplace import Workplace
from preprocessor.media_formats import is_video
from preprocessor.version import pipeline_version

#: A picture may take so long to be decoded, searched for faces and encoded.
_PICTURE = Step(30.0)

#: What came of a picture, or of a video.
_Found = ImageFeatures | list[Frame] | Reason


def encode_claim(workplace: Workplace, claim: tasks.Claim) -> None:
    """Encode a claim's pictures and videos and commit.

    Raises ``BuildCancelled`` where the lease is gone, ``WorkerStopping`` where the worker is to stop.
    """
    _PICTURE()
    with workplace.database.read() as connection:
        build = build_numbered(connection, claim.build)
        mine = select(task_table.c.file).where(task_table.c.token == claim.token)
        files = files_where(connection, mine)
        if build is None or not files:
            raise BuildCancelled("The recognizer was deleted.")
        settings = settings_of_build(build, workplace.settings)
        shelf = Shelf(build.tenant, pipeline_version(settings))
        known = store.get_whole(connection, shelf, {file.content_hash for file in files})
    paths = {file.id: _path(workplace, build, file) for file in files}
    # By content, so that what stands twice in a batch is encoded once.
    unknown = {file.content_hash: paths[file.id] for file in files if file.content_hash not in known}
    videos = {content: path for content, path in unknown.items() if _is_video(path)}
    pictures = {content: path for content, path in unknown.items() if content not in videos}
    begun = time.monotonic()
    encoded = _encoded(workplace, list(pictures.values()), settings)
    took = [Took(Work.PICTURE, time.monotonic() - begun, len(pictures))]
    found: dict[str, _Found] = {**known, **dict(zip(pictures, encoded, strict=True))}
    for content, path in videos.items():
        begun = time.monotonic()
        found[content] = encode_video(workplace, content, path, settings)
        took.append(Took(Work.VIDEO, time.monotonic() - begun))
    kept = _bare(paths.values()) if build.options.keep_images else set()
    with workplace.database.write() as connection:
        _record(connection, claim, files, shelf, found)
        for each in took:
            count_duration(connection, each)
    for path in paths.values():
        if path in kept:
            take_bare(path)
        else:
            path.unlink(missing_ok=True)


def _bare(paths: Iterable[Path]) -> set[Path]:
    """Those of some pictures that can be kept, once their bare forms are written."""
    kept = set()
    for path in paths:
        _PICTURE()
        if write_bare(path):
            kept.add(path)
    return kept


def _record(
    connection: Connection, claim: tasks.Claim, files: Sequence[File], shelf: Shelf, found: Mapping[str, _Found]
) -> None:
    # Asked first: what was cancelled meanwhile must leave no encodings behind.
    if not tasks.finish_encoding(connection, claim, [_outcome(file, found[file.content_hash]) for file in files]):
        raise BuildCancelled("The lease is gone.")
    images = {content: image for content, image in found.items() if isinstance(image, ImageFeatures)}
    frames = [frame for clip in found.values() if isinstance(clip, list) for frame in clip]
    store.put(connection, shelf, images | {frame.content_hash: frame.features for frame in frames})
    for file in files:
        clip = found[file.content_hash]
        if isinstance(clip, list):
            replace_by_frames(connection, claim.build, file, clip)


def _path(workplace: Workplace, build: Build, file: File) -> Path:
    return workplace.storage.image(build.recognizer_id, build.version, file.position)


def _is_video(path: Path) -> bool:
    try:
        return is_video(path)
    except FileNotFoundError as error:
        raise _gone() from error


def _encoded(workplace: Workplace, pictures: Sequence[Path], settings: Settings) -> list[ImageFeatures | Reason]:
    """What came of each picture; each is read when its turn comes, for eight together may be large."""
    try:
        return workplace.executor.submit(stages.encode, pictures, settings, _PICTURE).result() if pictures else []
    except FileNotFoundError as error:
        if all(path.exists() for path in pictures):
            raise
        raise _gone() from error


def _gone() -> BuildCancelled:
    return BuildCancelled("The picture is gone: its recognizer was deleted.")


def _outcome(file: File, found: _Found) -> tasks.FileOutcome:
    if isinstance(found, Reason):
        return tasks.FileOutcome(file.id, reason=found)
    if isinstance(found, list):
        return tasks.FileOutcome(file.id)
    return tasks.FileOutcome(file.id, found.faces, None if found.faces else Reason.NO_FACE)
