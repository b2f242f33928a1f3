"""Pictures that a build keeps: with their pixels, and without what their files say besides."""

import os
from pathlib import Path

from sqlalchemy import Connection, or_, select

from constants.exceptions import ImageRejected
from constants.reasons import Reason
from jobs.table.tables import FileState, files
from preprocessor.bare_pictures import bare
from preprocessor.media_formats import is_video


def make_bare(path: Path) -> bool:
    """Replace a picture by its bare one; ``False`` for a video, or a file that is none, which cannot be made bare.

    Power may fail at any point: the one or the other is there. Both have the same pixels.
    """
    try:
        if is_video(path):
            return False
        sent = path.read_bytes()
        content = bare(sent)
    except ImageRejected:
        return False
    except FileNotFoundError:  # deleted meanwhile
        return True
    if content != sent:
        _replace(path, content)
    return True


def bare_positions(connection: Connection, build: int) -> list[int]:
    """Where the pictures of a build stand that are bare once it has ended, or still wait."""
    usable = or_(files.c.state != FileState.REJECTED, files.c.reason == Reason.NO_FACE)
    return list(connection.scalars(select(files.c.position).where(files.c.build == build, usable)))


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except FileNotFoundError:  # its folder was deleted meanwhile
        return
    except BaseException:
        part.unlink(missing_ok=True)
        raise
