"""A bundle that stands in two files, read as the one that it is: what is its own, and the networks.

Nearly all of a bundle is the networks of the face pipeline, byte for byte the same in every bundle of that pipeline. A
file of networks is called by the SHA-256 of its content, so that one of them can stand, by hard links, beside many
bundles: it is gone when the last of these is, and nobody has to count them.
"""

import io
import itertools
import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, NamedTuple

from constants.exceptions import BundleInvalid

#: What the two files end in.
OWN, NETWORKS = ".own", ".networks"
#: Bytes of the line that a file of a bundle's own begins with: sixty pieces take one and a half thousand.
_MAX_HEADER_BYTES = 1 << 20


class Piece(NamedTuple):
    """So many bytes of what is the bundle's own and, after them, so many of the networks, from a place on."""

    own: int
    place: int
    common: int


def networks_of(own: Path, sha256: str) -> Path:
    """Where the networks of a bundle stand: beside what is its own."""
    return own.with_name(f"{own.stem}.{sha256}{NETWORKS}")


def header(sha256: str, pieces: Sequence[Piece]) -> bytes:
    """What a file of a bundle's own begins with."""
    return json.dumps({"networks": sha256, "pieces": pieces}).encode() + b"\n"


def networks_needed(own: Path) -> str | None:
    """The SHA-256 of the networks that a bundle stands beside; None for one that stands in one file.

    Raises as ``open_whole`` does.
    """
    if own.suffix != OWN:
        return None
    with own.open("rb") as file:
        return _read_header(file)[0]


def open_whole(path: Path) -> io.BufferedReader:
    """A bundle, whether it stands in one file or in two, to be read from anywhere, and closed.

    Raises ``FileNotFoundError`` where it is gone, ``BundleInvalid`` where the two do not fit each other.
    """
    with ExitStack() as opened:
        own = opened.enter_context(path.open("rb"))
        if path.suffix != OWN:
            opened.pop_all()
            return own
        sha256, pieces = _read_header(own)
        networks = opened.enter_context(networks_of(path, sha256).open("rb"))
        opened.pop_all()
    return io.BufferedReader(_Joined(own, networks, pieces))


def _read_header(own: IO[bytes]) -> tuple[str, list[Piece]]:
    try:
        written = json.loads(own.readline(_MAX_HEADER_BYTES))
        return str(written["networks"]), [Piece(*map(int, piece)) for piece in written["pieces"]]
    except (ValueError, TypeError, KeyError) as error:
        raise BundleInvalid("This recognizer's file is damaged; restore it from a backup.") from error


class _Joined(io.RawIOBase):
    """Pieces of two files, one after another, as one file."""

    def __init__(self, own: IO[bytes], networks: IO[bytes], pieces: Sequence[Piece]) -> None:
        self._files = own, networks
        spans = list(_spans(own, networks, own.tell(), pieces))
        self._places = [(file, place) for file, place, _ in spans]
        self._starts = [0, *itertools.accumulate(size for *_, size in spans)]
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._starts[-1]}[whence] + offset
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        span = bisect_right(self._starts, self._at) - 1
        if span >= len(self._places):
            return 0
        file, place = self._places[span]
        file.seek(place + self._at - self._starts[span])
        content = file.read(min(len(buffer), self._starts[span + 1] - self._at))
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)

    def close(self) -> None:
        for file in self._files:
            file.close()
        super().close()


def _spans(
    own: IO[bytes], networks: IO[bytes], at: int, pieces: Sequence[Piece]
) -> Iterator[tuple[IO[bytes], int, int]]:
    """From which file, from which place on, how many bytes; of the bundle's own the first at ``at``."""
    for piece in pieces:
        if piece.own:
            yield own, at, piece.own
        if piece.common:
            yield networks, piece.place, piece.common
        at += piece.own
