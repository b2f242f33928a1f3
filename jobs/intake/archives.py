"""Archives of pictures: what is in them, read with bounds, never unpacked to a path that they name."""

import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from constants.exceptions import InvalidRequest, UnsupportedMedia
from jobs.intake.labels import clean_name
from jobs.machine_faults import is_machine_fault

_ZIP_START = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP_START = b"\x1f\x8b"
_TAR_MARK = (257, b"ustar")

#: The bit by which a zip says that a name is in UTF-8; without it, it is read as the first PCs' code page 437.
_UTF8_FLAG = 0x800

#: Files and folders that computers put beside the pictures.
_CLUTTER = ("__MACOSX", "Thumbs.db", "desktop.ini")


def is_archive(path: Path) -> bool:
    """Whether a file begins as a zip, a tar or a compressed tar does."""
    with path.open("rb") as file:
        start = file.read(512)
    offset, mark = _TAR_MARK
    return start.startswith((*_ZIP_START, _GZIP_START)) or start[offset : offset + len(mark)] == mark


def members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and content of every file in an archive, in its order; links and clutter are passed over.

    Damage may be noticed only after some members, and while one is read: see ``refusing_damage``.
    """
    with path.open("rb") as file:
        is_zip = file.read(4) in _ZIP_START
    for sent_name, content in _zip_members(path) if is_zip else _tar_members(path):
        name = clean_name(sent_name)
        if not any(part in _CLUTTER or part.startswith(".") for part in name.split("/")):
            yield name, content


@contextmanager
def refusing_damage() -> Iterator[None]:
    """Within, an archive that is damaged, encrypted or of another kind raises ``UnsupportedMedia``.

    What is the machine's fault, such as a disk that is full, is raised as it is.
    """
    try:
        yield
    except InvalidRequest:
        raise
    except RuntimeError as error:  # what zipfile raises for a password
        raise UnsupportedMedia("The archive is encrypted; send it without a password.") from error
    except Exception as error:  # parsers of arbitrary bytes raise anything
        if is_machine_fault(error):
            raise
        raise UnsupportedMedia(
            "The archive is damaged, or of a kind that is not read; send a .zip or a .tar.gz."
        ) from error


def _zip_members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                with archive.open(info) as content:
                    yield _zip_name(info), content


def _zip_name(info: zipfile.ZipInfo) -> str:
    """A member's name. Many archivers write UTF-8 without saying so, which then reads like letters and box drawings."""
    if info.flag_bits & _UTF8_FLAG:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _tar_members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(path, "r:*") as archive:
        for info in archive:
            content = archive.extractfile(info) if info.isfile() else None
            if content is not None:
                with content:
                    yield info.name, content
