"""A file on its way in: written once, hashed while it is written, gone unless it is taken."""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO


class IncomingFile:
    """A file in the folder of uploads that is written first and read afterwards.

    ``name`` is what it was called when it was sent, and ``label`` who was said to be on it. It holds a descriptor only
    while it is written or read, so that a request may bring thousands. It is deleted when closed; taking it means to
    move ``path`` away before that.
    """

    def __init__(self, folder: Path, name: str = "", label: str | None = None) -> None:
        self.name = name
        self.label = label
        descriptor, name = tempfile.mkstemp(dir=folder)
        self.path = Path(name)
        self.size = 0
        self._hash = hashlib.sha256()
        self._file: IO[bytes] | None = os.fdopen(descriptor, "w+b")

    @property
    def content_hash(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes) -> int:
        """Append. Only before ``seal``."""
        if self._file is None:
            raise ValueError("the file is sealed")
        self._hash.update(data)
        self.size += len(data)
        return self._file.write(data)

    def seal(self) -> None:
        """End the writing; after this the content survives a power cut."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None

    def close(self) -> None:
        """Delete the file, unless it was moved away."""
        if self._file is not None:
            with suppress(OSError):  # what is still to be written finds no room, and is not wanted any more
                self._file.close()
            self._file = None
        self.path.unlink(missing_ok=True)
