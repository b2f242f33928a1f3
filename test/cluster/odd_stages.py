"""Stages that a cluster's worker runs and this service never would."""

from pathlib import Path
from typing import Any


class _Unpickled:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return Path.touch, (Path(self._path),)


def unpickled(release: str, path: str) -> list[Any]:
    """Answers with what does something when it is unpickled."""
    return [_Unpickled(path)]
