"""Folders that are held by the process that writes in them, and swept once nobody holds them.

What holds a folder is a lock, which ends with its process: whose folder is left over is seen at once, and by no clock.
"""

import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def held_folder(parent: Path, name: str = "") -> Iterator[Path]:
    """A new folder, of that name or of one of its own, which is this process' alone and deleted at the end."""
    folder, descriptor = _made(parent, name)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # gone already, unless there was no descriptor left to look into it
            folder.rmdir()
        os.close(descriptor)


@contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Within, temporary files of this process, of libraries and of its children as well, are made in a folder."""
    before, in_environment = tempfile.tempdir, os.environ.get("TMPDIR")
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        if in_environment is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = in_environment


def sweep_unheld(parent: Path) -> None:
    """Delete what is in a folder and nobody holds."""
    for entry in list(parent.iterdir()):
        with suppress(OSError):  # held, or gone at this moment
            descriptor = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _delete(entry)
            finally:
                os.close(descriptor)


def _made(parent: Path, name: str) -> tuple[Path, int]:
    while True:
        folder = parent / (name or uuid.uuid4().hex)
        folder.mkdir(mode=0o700)
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:  # it was swept before it was held
            continue
        except OSError:
            folder.rmdir()
            raise
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if folder.exists():
            return folder, descriptor
        os.close(descriptor)


def _delete(entry: Path) -> None:
    if entry.is_dir():
        shutil.rmtree(entry, ignore_errors=True)
    else:  # of a release before 1.0.0
        entry.unlink(missing_ok=True)
