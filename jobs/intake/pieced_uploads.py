"""Uploads that come in pieces, and go on where they broke off: a folder for each, with what has arrived of it.

How much has arrived is the size of its file, so that nothing can say otherwise after a power cut.
"""

import fcntl
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Protocol

from constants.exceptions import Conflict, NotFound, QuotaExceeded, RequestTooLarge
from jobs.intake.labels import clean_name
from modelization.bundle.bundle_file import sync_folder

#: Seconds after its last piece for which an upload waits for the next, and after it was used for the same request to
#: be sent again.
_WAITS_S, _USED_S = 24 * 60 * 60.0, 60 * 60.0
#: Uploads that a tenant may have at a time.
_MOST = 16
#: Bytes that are written at a time.
_CHUNK = 1 << 16
_ID = re.compile(r"[0-9a-f]{32}")
_ABOUT, _CONTENT = "about.json", "content"


class Body(Protocol):
    """What a piece is read from."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


@dataclass(frozen=True)
class _About:
    tenant: str
    name: str
    length: int
    expires_at: float


@dataclass(frozen=True)
class PiecedUpload:
    """How far an upload is: ``offset`` of its ``length`` bytes have arrived; at ``expires_at`` it is deleted."""

    id: str
    name: str
    length: int
    offset: int
    expires_at: float

    @property
    def is_whole(self) -> bool:
        return self.offset == self.length


class PiecedUploads:
    """Those of all tenants, in one folder; each tenant finds its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, tenant: str, name: str, length: int) -> PiecedUpload:
        """A new upload of ``length`` bytes, of which none has arrived.

        Raises ``InvalidRequest`` for a name that is none, ``QuotaExceeded`` where the tenant has many under way.
        """
        known = [_read(folder) for folder in list(self._folder.iterdir())]
        ends = sorted(about.expires_at for about in known if about is not None and about.tenant == tenant)
        if len(ends) >= _MOST:
            soonest = max(1, round(ends[0] - time.time()))
            raise QuotaExceeded(f"There are {_MOST} uploads already; use or delete one of them first.", soonest)
        folder = self._folder / uuid.uuid4().hex
        folder.mkdir(mode=0o700)
        (folder / _CONTENT).touch(mode=0o600)
        _write(folder, _About(tenant, clean_name(name), length, time.time() + _WAITS_S))
        sync_folder(self._folder)
        return self.find(tenant, folder.name)

    def find(self, tenant: str, upload_id: str) -> PiecedUpload:
        """How far an upload is. Raises ``NotFound`` where the tenant has none of that id."""
        about = _read(self._folder / upload_id) if _ID.fullmatch(upload_id) else None
        if about is None or about.tenant != tenant:
            raise NotFound("There is no such upload, or no longer: one that nothing comes of is deleted after a day.")
        offset = (self._folder / upload_id / _CONTENT).stat().st_size
        return PiecedUpload(upload_id, about.name, about.length, offset, about.expires_at)

    def append(self, tenant: str, upload_id: str, offset: int, size: int, body: Body) -> PiecedUpload:
        """Add a piece of ``size`` bytes that begins at ``offset``; whatever arrives of it before it breaks off stays.

        Raises ``Conflict`` where the upload goes on elsewhere, or another request is adding to it; ``RequestTooLarge``
        for more than was said; ``NotFound`` as ``find`` does.
        """
        self.find(tenant, upload_id)
        folder = self._folder / upload_id
        with _alone(folder / _CONTENT) as content:
            upload = self.find(tenant, upload_id)
            if offset != upload.offset:
                raise Conflict(f"This upload goes on at byte {upload.offset}, and not at {offset}.")
            if size > upload.length - offset:
                raise RequestTooLarge(f"The upload has {upload.length} bytes, as was said; this would be more.")
            try:
                while piece := body.read(_CHUNK):
                    content.write(piece)
            finally:
                os.fsync(content.fileno())
            expires_at = time.time() + _WAITS_S
            _write(folder, _About(tenant, upload.name, upload.length, expires_at))
            return replace(upload, offset=os.fstat(content.fileno()).st_size, expires_at=expires_at)

    def path(self, tenant: str, upload_id: str) -> tuple[str, Path]:
        """Name and place of an upload that has arrived. Raises ``Conflict`` for others, ``NotFound`` as ``find``."""
        upload = self.find(tenant, upload_id)
        if not upload.is_whole:
            raise Conflict(f"Of the upload {upload.offset} of {upload.length} bytes have arrived; send the rest first.")
        return upload.name, self._folder / upload_id / _CONTENT

    def note_use(self, tenant: str, upload_id: str) -> None:
        """Keep an upload no longer than the request that used it may be sent again; it may be gone by now."""
        with suppress(NotFound):
            upload = self.find(tenant, upload_id)
            until = min(upload.expires_at, time.time() + _USED_S)
            _write(self._folder / upload_id, _About(tenant, upload.name, upload.length, until))

    def delete(self, tenant: str, upload_id: str) -> None:
        """Delete an upload. Raises ``NotFound`` as ``find`` does."""
        self.find(tenant, upload_id)
        shutil.rmtree(self._folder / upload_id, ignore_errors=True)

    def sweep(self) -> None:
        """Delete what is not waited for any more, and what was never begun whole."""
        now = time.time()
        for folder in list(self._folder.iterdir()):
            about = _read(folder)
            if now > (about.expires_at if about else _written_at(folder) + _USED_S):
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(path: Path) -> Iterator[IO[bytes]]:
    """A file at whose end this request alone writes, unbuffered."""
    with path.open("ab", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                "Another request is adding to this upload; ask where it goes on, and send the rest."
            ) from error
        yield file


def _write(folder: Path, about: _About) -> None:
    new = folder / f".{uuid.uuid4().hex}"
    new.write_text(json.dumps(asdict(about)), "utf-8")
    new.replace(folder / _ABOUT)


def _read(folder: Path) -> _About | None:
    """What is known of the upload in a folder; nothing where it is just begun, or just deleted."""
    try:
        return _About(**json.loads((folder / _ABOUT).read_text("utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None


def _written_at(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0
