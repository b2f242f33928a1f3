"""A claim of pictures: read, encode those never seen before, commit what came of each."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, func, select

from constants.exceptions import BuildCancelled, NotFound
from constants.reasons import Reason
from constants.settings import Settings
from features import store
from features.store import ImageFeatures, Shelf
from jobs.arrival import present_picture
from jobs.files.storage import Storage
from jobs.table import tasks
from jobs.table.builds import build_numbered
from jobs.table.records import Build, File, files_where
from jobs.table.tables import files as file_table
from jobs.table.tables import tasks as task_table
from jobs.table.work_counts import Took, Work, count_duration
from jobs.work import stages
from jobs.work.clips import Frame, encode_video, replace_by_frames
from jobs.work.introducing import introduce
from jobs.work.kept_pictures import take_bare, write_bare
from jobs.work.pipelines import settings_of_build
from jobs.work.pulse import Step
from jobs.work.thumbnails import write_thumbnails
from jobs.workplace import Workplace
from preprocessor.media_formats import is_video
from preprocessor.version import pipeline_version

#: A picture may take so long to be decoded, searched for faces and encoded.
_PICTURE = Step(30.0)
#: A picture or video may take so long to come from another node.
_BRINGING = Step(300.0)

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
        widely = _to_search(connection, build, files)
        contents = {file.content_hash for file in files}
        known = store.get_whole(connection, shelf, contents - widely, every_face=False)
        known |= store.get_whole(connection, shelf, contents & widely)
    paths = {file.id: _path(workplace, build, file) for file in files}
    _bring(workplace, build, [file for file in files if file.content_hash not in known or _keeps_something(build)])
    # By content, so that what stands twice in a batch is encoded once.
    unknown = {file.content_hash: paths[file.id] for file in files if file.content_hash not in known}
    new, took = _looked_at(workplace, unknown, widely, settings)
    found: dict[str, _Found] = {**known, **new}
    with _erasures_waiting(workplace, build, claim):
        if build.thumbnail_key is not None:
            of_files = {file.id: found[file.content_hash] for file in files}
            _keep_thumbnails(workplace.storage, build.thumbnail_key, paths, of_files)
        kept = _bare(workplace.storage, paths.values()) if build.options.keep_images else set()
        with workplace.database.write() as connection:
            store.hold_shelf(connection, build.tenant, shared=True)
            _record(connection, claim, files, shelf, found)
            for each in took:
                count_duration(connection, each)
    for path in paths.values():
        if path in kept:
            take_bare(path)
        else:
            path.unlink(missing_ok=True)
    workplace.storage.shared.delete(paths.values())
    introduce(workplace.database, claim.build)


def _looked_at(
    workplace: Workplace, unknown: Mapping[str, Path], widely: set[str], settings: Settings
) -> tuple[dict[str, _Found], list[Took]]:
    """What came of pictures and videos, by content, some of which are searched ``widely``, and how long that took."""
    videos = {content: path for content, path in unknown.items() if _is_video(path)}
    pictures = {content: path for content, path in unknown.items() if content not in videos}
    begun = time.monotonic()
    found: dict[str, _Found] = {}
    for every_face in (False, True):
        some = {content: path for content, path in pictures.items() if (content in widely) == every_face}
        found |= dict(zip(some, _encoded(workplace, list(some.values()), settings, every_face), strict=True))
    took = [Took(Work.PICTURE, time.monotonic() - begun, len(pictures))]
    for content, path in videos.items():
        begun = time.monotonic()
        found[content] = encode_video(workplace, content, path, settings, content in widely)
        took.append(Took(Work.VIDEO, time.monotonic() - begun))
    return found, took


def _keeps_something(build: Build) -> bool:
    """Whether more is done with a picture than to encode it."""
    return build.options.keep_images or build.thumbnail_key is not None


def _bring(workplace: Workplace, build: Build, files: Sequence[File]) -> None:
    """Let pictures be here that another node was sent."""
    if workplace.storage.is_shared:
        for file in files:
            _BRINGING()
            try:
                present_picture(workplace.storage, build.recognizer_id, build.version, file)
            except NotFound as error:
                raise _gone() from error


@contextmanager
def _erasures_waiting(workplace: Workplace, build: Build, claim: tasks.Claim) -> Iterator[None]:
    """Within, what is put among the objects of a build is seen by every erasure."""
    if not (workplace.storage.is_shared and _keeps_something(build)):
        yield
        return
    with workplace.storage.arrival(build.recognizer_id):
        with workplace.database.read() as connection:  # after it is held: who erased before that sees nothing of it
            if not tasks.holds(connection, claim):
                raise BuildCancelled("The lease is gone.")
        yield


def _keep_thumbnails(storage: Storage, key: bytes, paths: Mapping[int, Path], found: Mapping[int, _Found]) -> None:
    """Write thumbnails of the faces in pictures; paths and what came of them are by the ids of their files."""
    for file, came in found.items():
        if isinstance(came, ImageFeatures):
            _PICTURE()
            storage.shared.put(write_thumbnails(storage, key, paths[file], came.faces))


def _bare(storage: Storage, paths: Iterable[Path]) -> set[Path]:
    """Those of some pictures that can be kept, once their bare forms are written."""
    kept = set()
    for path in paths:
        _PICTURE()
        if write_bare(path):
            kept.add(path)
            storage.shared.put_bare(path)
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


def _to_search(connection: Connection, build: Build, sent: Sequence[File]) -> set[str]:
    """The contents of those files in which every face is looked for, as more than one person's may be needed."""
    if build.options.use_other_faces:
        return {file.content_hash for file in sent}
    several = (
        select(file_table.c.content_hash)
        .where(file_table.c.build == build.number, file_table.c.content_hash.in_({file.content_hash for file in sent}))
        .group_by(file_table.c.content_hash)
        .having(func.count(file_table.c.label.distinct()) > 1)
    )
    # A box may be around a face that is not the first to be found.
    unclear = {file.content_hash for file in sent if file.label is None or file.box is not None}
    return unclear | set(connection.scalars(several))


def _path(workplace: Workplace, build: Build, file: File) -> Path:
    return workplace.storage.image(build.recognizer_id, build.version, file.position)


def _is_video(path: Path) -> bool:
    try:
        return is_video(path)
    except FileNotFoundError as error:
        raise _gone() from error


def _encoded(
    workplace: Workplace, pictures: Sequence[Path], settings: Settings, every_face: bool
) -> list[ImageFeatures | Reason]:
    """What came of each picture; each is read when its turn comes, for eight together may be large."""
    try:
        if not pictures:
            return []
        return workplace.executor.submit(stages.encode, pictures, settings, _PICTURE, every_face).result()
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
    reason = None if found.faces else Reason.NO_FACE
    return tasks.FileOutcome(file.id, found.faces, reason, found.first_of_several)
