"""Where the dispatcher's sockets are: in the data folder, which only its user may enter, however long its path is."""

import os
from functools import cache
from pathlib import Path
from typing import Literal

from constants.exceptions import InvalidSettings

#: Bytes; a Unix socket's address holds about 104 on macOS and 108 on Linux.
_MAX_PATH = 100
#: Where Linux shows a process its own open files, and what is in an open folder below them.
_OPEN_FILES = Path("/proc/self/fd")


def address(data_dir: Path, side: Literal["clients", "workers"]) -> str:
    """ZeroMQ address of the dispatcher's socket for clients or for workers, for this process.

    Raises ``InvalidSettings`` where the path is too long for this system.
    """
    folder = data_dir
    if len(os.fsencode(data_dir / f"{side}.sock")) > _MAX_PATH:
        if not _OPEN_FILES.is_dir():
            raise InvalidSettings(
                f"The path {data_dir} is too long for a socket; set FACIAL_DATA_DIR to a shorter one."
            )
        folder = _OPEN_FILES / str(_opened(data_dir))
    return f"ipc://{folder}/{side}.sock"


@cache
def _opened(folder: Path) -> int:
    """The number of an open folder, which stays open for as long as the process lives."""
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
