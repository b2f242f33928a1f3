"""Pictures that a build keeps: with their pixels, and without what their files say besides."""

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, or_, select

from constants.exceptions import ImageRejected
from constants.reasons import Reason
from jobs.files.layout import bare_form
from jobs.table.tables import FileState, files


def write_bare(path: Path) -> bool:
    """Write a picture's bare form beside it; ``False`` for a video, or a file that is none, which have no such form.

    The picture itself stays until what came of it is recorded: while it waits, it is what was sent.
    """
    # Decoders, which the dispatcher never needs.
    from preprocessor.bare_pictures import bare
    from preprocessor.media_formats import is_video

    try:
        if is_video(path):
            return False
        sent = path.read_bytes()
        content = bare(sent)
        if content != sent:
            with bare_form(path).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
    except ImageRejected:
        return False
    except FileNotFoundError:  # deleted meanwhile, with its folder or without
        return True
    return True


def take_bare(path: Path) -> None:
    """Let a picture's bare form take its place, if there is one."""
    with suppress(FileNotFoundError):
        bare_form(path).replace(path)


def take_left(folder: Path, positions: Collection[int]) -> None:
    """The same of the pictures at those positions of a folder, where a crash left both forms."""
    for left in list(folder.rglob("*.bare")):
        path = left.with_suffix("")
        if int(path.name) in positions:
            take_bare(path)


def bare_positions(connection: Connection, build: int) -> list[int]:
    """Where the pictures of a build stand that are bare once it has ended, or still wait."""
    usable = or_(files.c.state != FileState.REJECTED, files.c.reason == Reason.NO_FACE)
    return list(connection.scalars(select(files.c.position).where(files.c.build == build, usable)))
