"""A process that opens what was sent: unpacks archives, and looks at pictures' headers with their own decoders.

Whatever it meets, it has its own memory, and whoever started it ends it: see ``sorting.py``. It reads a ``SortingJob``
from its input, and writes a line of JSON for each thing it finds.
"""

import hashlib
import json
import os
import resource
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from constants.exceptions import FacialError, ImageRejected, UnsupportedMedia
from constants.machine_faults import comes_of_system
from constants.reasons import Reason
from jobs.intake.archives import CHUNK, Room, is_archive, members, other_archive, refusing_damage
from preprocessor.media_formats import is_video, opened

#: Bytes of address space: Python, Pillow and libheif take a third of it, and no header needs the rest.
_MEMORY_BYTES = 768 << 20
#: What is raised over a damaged entry of a zip, whose others may be whole.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError)


@dataclass(frozen=True)
class SortingJob:
    """The files to be opened, by their paths, where what is in archives goes, and how much that may be."""

    paths: Sequence[str]
    folder: str
    max_files: int
    max_bytes: int


@dataclass(frozen=True)
class Found:
    """A file among those that were sent, by its place among them, or in an archive, and why it is not used if so.

    Of one in an archive also its name there, where it is now, its size in bytes, and its SHA-256.
    """

    place: int
    reason: Reason | None = None
    name: str = ""
    path: str = ""
    size: int = 0
    content_hash: str = ""


def looked_at(path: Path) -> Reason | None:
    """Why a picture or video cannot be used, as far as its header says."""
    if is_video(path):
        return None  # opened by the worker that takes it apart
    if is_archive(path) or other_archive(path):
        return Reason.OTHER_ARCHIVE
    try:
        opened(path).close()
    except ImageRejected as rejection:
        if comes_of_system(rejection):
            raise rejection.__cause__ or rejection from None
        return Reason(rejection.reason)
    return None


def sort(job: SortingJob) -> Iterator[Found | int]:
    """What the files are, in order; before each the place of the file that is now opened.

    Raises ``RequestTooLarge``, ``UnsupportedMedia`` or ``InvalidRequest`` for an archive that cannot be taken.
    """
    room = Room(job.max_files, job.max_bytes)
    for place, sent in enumerate(job.paths):
        yield place
        path = Path(sent)
        if is_archive(path):
            yield from _of_archive(place, path, room, Path(job.folder))
        else:
            yield Found(place, looked_at(path))


def _of_archive(place: int, path: Path, room: Room, folder: Path) -> Iterator[Found]:
    """The files of an archive. One that is damaged costs itself; what breaks off costs what would come after it.

    Raises as ``sort`` does where nothing at all can be taken of it.
    """
    any_found = False
    try:
        with refusing_damage():
            for name, content in members(path, room):
                yield _unpacked(place, name, content, folder)
                any_found = True
    except UnsupportedMedia:
        if not any_found:
            raise
        yield Found(place, Reason.DAMAGED_ARCHIVE)


def _unpacked(place: int, name: str, content: IO[bytes], folder: Path) -> Found:
    """A file of an archive, in the folder, synced."""
    descriptor, path = tempfile.mkstemp(dir=folder)
    digest, size, is_damaged = hashlib.sha256(), 0, False
    with os.fdopen(descriptor, "wb") as file:
        try:
            while chunk := content.read(CHUNK):
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        except _DAMAGE:
            is_damaged = True
        file.flush()
        os.fsync(file.fileno())
    reason = Reason.DAMAGED_IMAGE if is_damaged else looked_at(Path(path))
    return Found(place, reason, name, path, size, digest.hexdigest())


def _main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    os.umask(0o077)
    job = SortingJob(**json.load(sys.stdin))
    try:
        for found in sort(job):
            _say({"opens": found} if isinstance(found, int) else {"found": asdict(found)})
        _say({"done": True})
    except FacialError as error:
        _say({"refused": {"code": error.code, "message": str(error)}})
    except OSError as error:
        if not comes_of_system(error):
            raise
        _say({"fault": error.errno})


def _say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    _main()
