"""Small pictures of faces, for people who want to look at what a recognizer learnt from; kept only if asked for."""

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from features.store import FaceFeatures
from jobs.table.records import Build

#: Seconds for which thumbnails are kept that are to be kept for an hour.
_HOUR_S = 3600.0


def keeps_thumbnails(build: Build) -> bool:
    """Whether the thumbnails of a build that has ended are still to be kept."""
    if build.options.keep_thumbnails == "hour":
        return build.finished_at is None or time.time() < build.finished_at + _HOUR_S
    return build.options.keep_thumbnails == "recognizer"


def write_thumbnails(picture: Path, faces: Sequence[FaceFeatures]) -> None:
    """Write a thumbnail of each of a picture's faces beside it, as ``Storage.thumbnail`` has it.

    Where the picture, or its folder, was deleted meanwhile nothing is written.
    """
    from preprocessor.thumbnails import thumbnails  # decoders, which the dispatcher never needs

    with suppress(FileNotFoundError):
        for face, content in zip(faces, thumbnails(picture, [face.box for face in faces]), strict=True):
            path = thumbnail_of(picture, face)
            half_written = path.with_suffix(".part")
            half_written.write_bytes(content)
            half_written.replace(path)


def thumbnail_of(picture: Path, face: FaceFeatures) -> Path:
    """Where the thumbnail of a picture's face lies."""
    return picture.with_name(f"{picture.name}.{face.index}.jpg")
