"""A video among the pictures of a build: taken apart into frames, each of which is then a picture of its own."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, func, insert, select

from constants.reasons import Reason
from constants.settings import Settings
from features.store import ImageFeatures
from jobs.table.found_faces import insert_faces
from jobs.table.records import File
from jobs.table.tables import FileState, files
from jobs.table.tasks import ENCODE_BATCH
from jobs.work import stages
from jobs.work.pulse import Step
from jobs.workplace import Workplace

#: A frame of a video may take so long.
_FRAME = Step(30.0)


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame in which there are faces: the second it is shown at, and the hash that its encodings are kept under."""

    second: float
    content_hash: str
    features: ImageFeatures


def encode_video(
    workplace: Workplace, content_hash: str, path: Path, settings: Settings, every_face: bool
) -> list[Frame] | Reason:
    """The frames of a video with their faces, or the reason why it cannot be used."""
    frames = workplace.executor.submit(stages.take_apart, path, _FRAME).result()
    if isinstance(frames, Reason):
        return frames
    found: list[Frame] = []
    for start in range(0, len(frames), ENCODE_BATCH):
        some = frames[start : start + ENCODE_BATCH]
        jpegs = [frame.jpeg for frame in some]
        results = workplace.executor.submit(stages.encode, jpegs, settings, _FRAME, every_face).result()
        found += [
            Frame(frame.second, _frame_hash(content_hash, number), result)
            for number, (frame, result) in enumerate(zip(some, results, strict=True), start)
            if isinstance(result, ImageFeatures) and result.faces
        ]
    return found or Reason.NO_FACE


def replace_by_frames(connection: Connection, build: int, video: File, frames: Sequence[Frame]) -> None:
    """Let a video's frames stand in its place among the files of its build, behind all the others."""
    last = connection.scalar(select(func.max(files.c.position)).where(files.c.build == build))
    for position, frame in enumerate(frames, (last or 0) + 1):
        values = {
            "build": build,
            "position": position,
            "name": f"{video.name} at {frame.second:.1f} s",
            "label": video.label,
            "video": video.content_hash,
            "content_hash": frame.content_hash,
            "state": FileState.ENCODED,
            "since": video.since,
        }
        file = connection.execute(insert(files).values(values).returning(files.c.id)).scalar_one()
        insert_faces(connection, build, file, frame.features.faces)
    connection.execute(delete(files).where(files.c.id == video.id))


def _frame_hash(video: str, number: int) -> str:
    """A frame's own hash: the same file always gives the same frames."""
    return hashlib.sha256(f"{video}:{number}".encode()).hexdigest()
