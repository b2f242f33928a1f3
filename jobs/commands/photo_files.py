"""Photos as commands are given them: files, folders, standard input."""

import resource
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from constants.exceptions import InvalidRequest

#: Standard input, as commands usually name it.
STANDARD_INPUT = Path("-")
#: Bytes of address space: twice what the largest photo takes that is decoded, libraries and threads included.
_MAX_ADDRESSES = 4 * 2**30


def told(photos: Sequence[Path]) -> list[Path]:
    """The files meant: a folder stands for all in it but hidden ones. Raises ``InvalidRequest`` for what is neither."""
    found = []
    for photo in photos:
        if photo.is_dir():
            inside = (path for path in photo.rglob("*") if path.is_file() and not path.name.startswith("."))
            found += sorted(inside)
        elif photo.is_file() or photo == STANDARD_INPUT:
            found.append(photo)
        else:
            raise InvalidRequest(f"{photo} is not a file.")
    if not found:
        raise InvalidRequest(f"There is no file in {photos[0]}.")
    return found


def read(photo: Path) -> bytes:
    """A photo's bytes."""
    return sys.stdin.buffer.read() if photo == STANDARD_INPUT else photo.read_bytes()


def write_line(line: str) -> None:
    """Print a line at once, in UTF-8 whatever the terminal is: whoever reads may wait for it, or have had enough."""
    sys.stdout.buffer.write(f"{line}\n".encode())
    sys.stdout.buffer.flush()


def bound_memory() -> None:
    """Let this process have no more than it may: a file may be a stranger's, and ask for any amount."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    with suppress(ValueError, OSError):  # macOS has no such limit, and there may be a lower one already
        resource.setrlimit(resource.RLIMIT_AS, (_MAX_ADDRESSES, hard))
