"""A folder of finished ONNX graphs, so that each is built once a machine and not once a process."""

import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class GraphKey:
    """What a graph depends on: the SHA-256 of its weights, and the revision of the code that builds it."""

    name: str
    weights_sha256: str
    revision: int

    def __str__(self) -> str:
        return f"{self.name}-{self.weights_sha256}-r{self.revision}"


class GraphStore:
    """Graphs in files named after their key and after the SHA-256 of their own content.

    Files are only ever renamed into place, and two processes that build the same graph at once
    write the same content under the same name: so any number of them may share a folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, key: GraphKey, build: Callable[[], bytes]) -> Path:
        """The undamaged file of a key's graph; where there is none, ``build`` gives the serialized graph first."""
        found = (path for path in sorted(self._folder.glob(f"{key}-*.onnx")) if _is_undamaged(path))
        return next(found, None) or self._write(key, build())

    def _write(self, key: GraphKey, content: bytes) -> Path:
        path = self._folder / f"{key}-{hashlib.sha256(content).hexdigest()}.onnx"
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{key.name}-", suffix=".part", dir=self._folder)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            temporary.replace(path)
        except BaseException:
            temporary.unlink()
            raise
        return path


def _is_undamaged(path: Path) -> bool:
    """Whether a file's content is the one its name says; another process may remove the file at any time."""
    try:
        with path.open("rb") as file:
            return path.stem.endswith(hashlib.file_digest(file, "sha256").hexdigest())
    except FileNotFoundError:
        return False
