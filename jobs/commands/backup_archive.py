"""A backup's file: a plain tar of the data folder's own files, and last of all a manifest with the hash of each."""

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tqdm import tqdm

from constants.exceptions import BackupInvalid, FacialError
from constants.settings import DATABASE_FILE
from jobs.files.layout import is_of_version
from jobs.files.linking import link_or_copy

#: Version of the archive's format; raised when an older reader would misread a newer file.
BACKUP_FORMAT = 2
#: The first one, which has no links, is read as well.
_OLDEST_FORMAT = 1
#: The member that is written last: an archive without it was cut.
MANIFEST = "manifest.json"

#: Bytes; a manifest has some 180 for each file.
_MAX_MANIFEST_BYTES = 1 << 30
#: Bytes copied at a time.
_CHUNK = 1 << 20


class Member(BaseModel):
    """A file of the archive: its size in bytes and the SHA-256 of its content in hexadecimal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class BackupManifest(BaseModel):
    """What an archive says of itself: the release that made it, when, and all other members by their names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = Field(default=BACKUP_FORMAT, ge=_OLDEST_FORMAT, le=BACKUP_FORMAT)
    release: str
    taken_at: str
    files: dict[str, Member] = {}


def pack(folder: Path, file: IO[bytes], manifest: BackupManifest) -> BackupManifest:
    """Write the files under a folder to an open file, and the manifest, which is returned, with all of them.

    What several names stand for is written once.
    """
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    files: dict[str, Member] = {}
    names: dict[int, str] = {}
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in tqdm(sorted(paths), "backup", unit=" files", disable=None):
            with paths[name].open("rb") as content:
                status, hashed = os.fstat(content.fileno()), _Hashed(content)
                first = names.setdefault(status.st_ino, name)
                if first == name:
                    archive.addfile(_header(name, status.st_size, status.st_mtime), hashed)
                    files[name] = hashed.member
                else:
                    archive.addfile(_link(name, first, status.st_mtime))
                    files[name] = files[first]
        complete = manifest.model_copy(update={"files": files})
        written = complete.model_dump_json(indent=1).encode()
        archive.addfile(_header(MANIFEST, len(written), 0), io.BytesIO(written))
    return complete


def unpack(path: Path, folder: Path) -> BackupManifest:
    """Write a backup's files under a folder, each as the manifest says; nothing of them is synced.

    Raises ``BackupInvalid`` for anything but a whole backup that this release can read. What was written by then stays
    in the folder, for the caller to delete.
    """
    with _refusing_damage(), tarfile.open(path, "r:") as archive:
        files, manifest = _unpacked(archive, folder)
    wrong = min((name for name, _ in files.items() ^ manifest.files.items()), default=None)
    if wrong is not None:
        raise BackupInvalid(f"{wrong} in this backup is not what was written; use another backup.")
    return manifest


def _unpacked(archive: tarfile.TarFile, folder: Path) -> tuple[Mapping[str, Member], BackupManifest]:
    files: dict[str, Member] = {}
    for info in tqdm(archive, "restore", unit=" files", disable=None):
        content = archive.extractfile(info) if info.isreg() and not info.issparse() else None
        is_linked = info.islnk() and is_of_version(info.linkname) and info.linkname in files
        if info.name in files or not (content or is_linked):
            raise _foreign(info.name)
        if content and info.name == MANIFEST:
            return files, _parsed(content.read(_MAX_MANIFEST_BYTES))
        if info.name != DATABASE_FILE and not is_of_version(info.name):
            raise _foreign(info.name)
        (folder / info.name).parent.mkdir(parents=True, exist_ok=True)
        if content:
            files[info.name] = _write(content, folder / info.name)
        else:
            link_or_copy(folder / info.linkname, folder / info.name)
            files[info.name] = files[info.linkname]
        os.utime(folder / info.name, (info.mtime, info.mtime))  # of several searches the newest one is gone on with
    raise BackupInvalid("This is not a backup, or its end is missing; copy it again, or use another one.")


class _Hashed:
    """Hashes what is read of a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size, self._hash = 0, hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        content = self._file.read(size)
        self._size += len(content)
        self._hash.update(content)
        return content

    @property
    def member(self) -> Member:
        """What was read until now, as a member."""
        return Member(size=self._size, sha256=self._hash.hexdigest())


def _header(name: str, size: int, modified: float) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, int(modified), 0o600
    return info


def _link(name: str, first: str, modified: float) -> tarfile.TarInfo:
    info = _header(name, 0, modified)
    info.type, info.linkname = tarfile.LNKTYPE, first
    return info


def _write(content: IO[bytes], path: Path) -> Member:
    hashed = _Hashed(content)
    with path.open("xb") as file:
        while chunk := hashed.read(_CHUNK):
            file.write(chunk)
    return hashed.member


@contextmanager
def _refusing_damage() -> Iterator[None]:
    """Within, a file that is damaged or no archive raises ``BackupInvalid``."""
    try:
        yield
    except (FacialError, OSError):
        raise
    except Exception as error:  # parsers of arbitrary bytes raise anything
        raise BackupInvalid("This is not a backup, or it is damaged; use another one.") from error


def _foreign(name: str) -> BackupInvalid:
    return BackupInvalid(f"This is not a backup of this service: there is {name!r} in it.")


def _parsed(content: bytes) -> BackupManifest:
    try:
        return BackupManifest.model_validate_json(content)
    except ValidationError as error:
        if any(problem["loc"] == ("format",) for problem in error.errors()):
            raise BackupInvalid(
                f"This backup's format is not version {BACKUP_FORMAT}, which is what this release reads; "
                "restore it with the release that made it."
            ) from error
        raise BackupInvalid(f"{MANIFEST} is not that of a backup; use another one.") from error
