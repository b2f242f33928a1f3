"""Archives of pictures: what is in them, read with bounds, never unpacked to a path that they name.

This is for a process of its own, see ``sorter.py``: what an archive says of itself proves nothing.
"""

import gzip
import os
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from constants.exceptions import InvalidRequest, RequestTooLarge, UnsupportedMedia
from constants.machine_faults import comes_of_system
from jobs.intake.labels import clean_name

#: Bytes read at a time, and at most: whatever a header claims, nothing longer is taken into memory for it.
CHUNK = 1 << 16
#: How many times its size an archive may unpack to, and the bytes that a small one may in any case. Pictures shrink
#: by a few percent; DEFLATE reaches 1,032.
_MAX_RATIO, _ALWAYS_BYTES = 200, 64 << 20
#: Entries of any kind for each picture that is taken: folders, and what computers put beside the pictures.
_ENTRIES_FOR_ONE = 2
#: Bytes of a zip's directory for each entry: 46, and a name.
_DIRECTORY_BYTES_FOR_ONE = 46 + 1024

_ZIP_START = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP_START = b"\x1f\x8b"
_TAR_MARK = (257, b"ustar")
#: The end of a zip's directory, how long it is at most, and where in it the number of entries and bytes stand
#: (APPNOTE.TXT 6.3.10, 4.3.16); in one of over 65,534 entries they stand in a record before it (4.3.14).
_ZIP_END, _ZIP_END_BYTES = b"PK\x05\x06", 22 + 0xFFFF
_ZIP64_END = b"PK\x06\x06"

#: The bit by which a zip says that a name is in UTF-8; without it, it is read as the first PCs' code page 437.
_UTF8_FLAG = 0x800

#: Files and folders that computers put beside the pictures.
_CLUTTER = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")

#: How RAR, 7z, xz, bzip2 and Zstandard begin.
_OTHER_STARTS = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\xfd7zXZ\x00", b"BZh", b"\x28\xb5\x2f\xfd")


class Room:
    """How much more may be unpacked, in entries of any kind and in bytes, of all archives of a request."""

    def __init__(self, files: int, size: int) -> None:
        self.files = files
        self._entries = _ENTRIES_FOR_ONE * files
        self._size = size

    def take_entry(self, name: str) -> None:
        """Count an entry. Raises ``RequestTooLarge`` where there are too many, ``InvalidRequest`` as ``clean_name``."""
        clean_name(name)
        self._entries -= 1
        if self._entries < 0:
            raise RequestTooLarge("The archives have more entries than this service takes; send them in parts.")

    def take_bytes(self, count: int) -> None:
        """Count unpacked bytes. Raises ``RequestTooLarge`` where there are too many."""
        self._size -= count
        if self._size < 0:
            raise RequestTooLarge("The archives unpack to more than this service takes; send them in parts.")


def is_archive(path: Path) -> bool:
    """Whether a file begins as a zip, a tar or a compressed tar does."""
    with path.open("rb") as file:
        start = file.read(512)
    offset, mark = _TAR_MARK
    return start.startswith((*_ZIP_START, _GZIP_START)) or start[offset : offset + len(mark)] == mark


def members(path: Path, room: Room) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and content of every file in an archive, in its order; links and clutter are passed over, but counted.

    Damage may be noticed only after some members, and while one is read: see ``refusing_damage``.
    """
    with path.open("rb") as file:
        is_zip = file.read(4) in _ZIP_START
    for sent_name, content in _zip_members(path, room) if is_zip else _tar_members(path, room):
        name = clean_name(sent_name)
        if not _is_clutter(name):
            yield name, content


def other_archive(path: Path) -> bool:
    """Whether a file begins as an archive does that is not unpacked."""
    with path.open("rb") as file:
        return file.read(8).startswith(_OTHER_STARTS)


def _is_clutter(name: str) -> bool:
    """What computers put beside pictures: hidden folders, and files that no person has made."""
    *folders, file = name.split("/")
    hidden = any(folder.startswith(".") for folder in folders)
    return hidden or file.startswith("._") or not {file, *folders}.isdisjoint(_CLUTTER)


@contextmanager
def refusing_damage() -> Iterator[None]:
    """Within, an archive that is damaged, encrypted or of another kind raises ``UnsupportedMedia``.

    What is the machine's fault, such as a disk that is full, is raised as it is.
    """
    try:
        yield
    except InvalidRequest:
        raise
    except NotImplementedError as error:  # zipfile's word for Deflate64 and the like, and a RuntimeError as well
        raise UnsupportedMedia(
            "The archive is compressed in a way that is not read, such as Deflate64; pack it again as a usual .zip."
        ) from error
    except RuntimeError as error:  # what zipfile raises for a password
        raise UnsupportedMedia("The archive is encrypted; send it without a password.") from error
    except Exception as error:  # parsers of arbitrary bytes raise anything
        if comes_of_system(error) and not isinstance(error, MemoryError):
            raise
        raise UnsupportedMedia(
            "The archive is damaged, or of a kind that is not read; send a .zip or a .tar.gz."
        ) from error


class _Unpacked:
    """What comes out of an archive, or of its compression: counted, and never read in pieces larger than a chunk."""

    def __init__(self, content: IO[bytes], room: Room, most: int) -> None:
        self._content = content
        self._room = room
        self._left = most

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= CHUNK:
            raise RequestTooLarge(f"The archive has a header of more than {CHUNK >> 10} KiB; pack it again.")
        data = self._content.read(size)
        self._room.take_bytes(len(data))
        self._left -= len(data)
        if self._left < 0:
            raise RequestTooLarge("The archive unpacks to far more than pictures do; send the pictures themselves.")
        return data

    def tell(self) -> int:
        return self._content.tell()

    def seek(self, position: int) -> int:
        """Go on reading up to a position: what is passed over counts as well."""
        while (left := position - self.tell()) > 0:
            if not self.read(min(left, CHUNK)):
                break
        return self.tell()

    def close(self) -> None:
        self._content.close()


def _most(path: Path) -> int:
    """The bytes that an archive of this size may unpack to."""
    return max(_ALWAYS_BYTES, _MAX_RATIO * path.stat().st_size)


def _zip_members(path: Path, room: Room) -> Iterator[tuple[str, IO[bytes]]]:
    _refuse_long_directory(path, room)
    most = _most(path)
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            room.take_entry(info.filename)
            if not info.is_dir():
                with archive.open(info) as content:
                    unpacked = _Unpacked(content, room, most)
                    yield _zip_name(info), unpacked  # type: ignore[misc]  # it is read, and no more
                    most = unpacked._left


def _refuse_long_directory(path: Path, room: Room) -> None:
    """Raise ``RequestTooLarge`` for a directory that takes long to be read, by what is said at its end."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _ZIP_END_BYTES))
        end = file.read()
        place = end.rfind(_ZIP_END)
        if place < 0 or len(end) < place + 22:
            return  # which zipfile refuses
        entries, length = struct.unpack_from("<HI", end, place + 10)
        before = end.rfind(_ZIP64_END, 0, place)
        if before >= 0 and len(end) >= before + 48:
            entries, length = struct.unpack_from("<QQ", end, before + 32)
    if entries > _ENTRIES_FOR_ONE * room.files or length > _DIRECTORY_BYTES_FOR_ONE * room.files:
        raise RequestTooLarge("The archive has more entries than this service takes; send it in parts.")


def _zip_name(info: zipfile.ZipInfo) -> str:
    """A member's name. Many archivers write UTF-8 without saying so, which then reads like letters and box drawings."""
    if info.flag_bits & _UTF8_FLAG:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _tar_members(path: Path, room: Room) -> Iterator[tuple[str, IO[bytes]]]:
    with path.open("rb") as file:
        is_compressed = file.read(2) == _GZIP_START
        file.seek(0)
        content: IO[bytes] = gzip.GzipFile(fileobj=file) if is_compressed else file  # type: ignore[assignment]
        unpacked = _Unpacked(content, room, _most(path))
        with tarfile.open(fileobj=unpacked, mode="r:") as archive:  # type: ignore[call-overload]
            while (info := archive.next()) is not None:
                room.take_entry(info.name)
                archive.members.clear()
                # A sparse file is mostly holes, which no picture has and which nothing would count.
                member = archive.extractfile(info) if info.isfile() and not info.issparse() else None
                if member is not None:
                    with member:
                        yield info.name, member
