"""Locks of the data folder: what only one process at a time may do there. They end with the process that holds them."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from constants.exceptions import FacialError, InvalidSettings
from constants.settings import Settings
from jobs.workplace import usable_data_folder

#: Seconds that what is left of a service whose master was killed may take to end: more than its workers are given.
STOPPING_S = 15.0


@contextmanager
def only_one(settings: Settings, patience_s: float = 0.0) -> Iterator[None]:
    """Hold the data folder's lock.

    Raises ``InvalidSettings`` where another service keeps it for ``patience_s``, or where the folder cannot be used.
    """
    refusal = InvalidSettings(
        f"Another service uses the data folder {settings.data_dir}; set FACIAL_DATA_DIR to another one."
    )
    with ExitStack() as stack:
        with usable_data_folder(settings):
            stack.enter_context(held(settings.data_dir / "lock", refusal, patience_s))
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
