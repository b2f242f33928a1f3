"""Small pictures of faces, for people who want to see what a recognizer learnt from: kept if asked for, encrypted."""

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from features.store import FaceFeatures
from jobs.files.sealed import sealed
from jobs.files.storage import Storage
from jobs.table.records import Build

#: Seconds for which thumbnails are kept that are to be kept for an hour.
_HOUR_S = 3600.0


def keeps_thumbnails(build: Build) -> bool:
    """Whether the thumbnails of a build that has ended are still to be kept."""
    if build.options.keep_thumbnails == "hour":
        return build.finished_at is None or time.time() < build.finished_at + _HOUR_S
    return build.options.keep_thumbnails == "recognizer"


def write_thumbnails(storage: Storage, key: bytes, picture: Path, faces: Sequence[FaceFeatures]) -> list[Path]:
    """Write a thumbnail of each of a picture's faces beside it, encrypted by its build's key, and say where.

    Where the picture, or its folder, was deleted meanwhile nothing more is written.
    """
    from preprocessor.thumbnails import thumbnails  # decoders, which the dispatcher never needs

    written = []
    with suppress(FileNotFoundError):
        for face, content in zip(faces, thumbnails(picture, [face.box for face in faces]), strict=True):
            path = storage.thumbnail_of(picture, face.index)
            half_written = path.with_suffix(".part")
            half_written.write_bytes(sealed(content, key, storage.shared.name(path)))
            half_written.replace(path)
            written.append(path)
    return written
