"""Locks of the data folder: what only one process at a time may do there. They end with the process that holds them."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from constants.exceptions import FacialError, InvalidSettings
from constants.settings import Settings


@contextmanager
def only_one(settings: Settings, patience_s: float = 0.0) -> Iterator[None]:
    """Hold the data folder's lock. Raises ``InvalidSettings`` where another service keeps it for ``patience_s``."""
    refusal = InvalidSettings(
        f"Another service uses the data folder {settings.data_dir}; set FACIAL_DATA_DIR to another one."
    )
    with held(settings.data_dir / "lock", refusal, patience_s):
        yield


@contextmanager
def held(path: Path, refusal: FacialError, patience_s: float = 0.0) -> Iterator[None]:
    """Hold the lock that is a file. Raises ``refusal`` where another process keeps it for ``patience_s``."""
    until = time.monotonic() + patience_s
    with path.open("w") as file:
        while not _locked(file):
            if time.monotonic() >= until:
                raise refusal
            time.sleep(0.1)
        yield


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
