"""The forms in which a finished recognizer is given away; read without loading any network."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from constants.exceptions import NotFound
from modelization.bundle.bundle_parts import open_whole
from modelization.bundle.recognizer_page import recognizer_page


@dataclass(frozen=True)
class Format:
    """A form of a recognizer: its file in the bundle (all of it where empty), ending and media type."""

    member: str
    suffix: str
    media_type: str


#: The recognizer as a page, which is put together when it is asked for.
PAGE = Format("recognizer.onnx", ".html", "text/html; charset=utf-8")
FORMATS = {
    "bundle": Format("", ".zip", "application/zip"),
    "page": PAGE,
    "onnx": Format("recognizer.onnx", ".onnx", "application/octet-stream"),
    "head": Format("head.onnx", "-head.onnx", "application/octet-stream"),
    "keras": Format("head.keras", "-head.keras", "application/octet-stream"),
    "tflite": Format("head.tflite", "-head.tflite", "application/octet-stream"),
}


#: The forms of a version's report.
REPORTS = {
    "html": Format("report.html", ".html", "text/html; charset=utf-8"),
    "json": Format("report.json", ".json", "application/json"),
}

#: Bytes that are read at a time.
_PIECE = 1 << 16


def open_format(path: Path, form: Format) -> tuple[Iterator[bytes], int]:
    """A bundle in one of its forms, piece by piece, and its size in bytes.

    It can be read to its end even if the bundle is deleted meanwhile. Raises ``NotFound`` where it was already, and
    for a form that cannot be had.
    """
    try:
        file = open_whole(path)
    except FileNotFoundError as error:
        raise NotFound("This recognizer was deleted meanwhile.") from error
    try:
        pieces, size = _whole(file) if not form.member else _part(zipfile.ZipFile(file), form)
    except KeyError as error:
        file.close()
        raise NotFound(f"This recognizer was built without {form.member}; build it again.") from error
    return _closing(file, pieces), size


def _whole(file: IO[bytes]) -> tuple[Iterator[bytes], int]:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return _pieces(file), size


def _part(bundle: zipfile.ZipFile, form: Format) -> tuple[Iterator[bytes], int]:
    """A form that is not the whole bundle. Raises ``KeyError`` for a bundle without what it is made of."""
    if form is PAGE:
        return recognizer_page(bundle)
    return _pieces(bundle.open(form.member)), bundle.getinfo(form.member).file_size


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _closing(file: IO[bytes], pieces: Iterator[bytes]) -> Iterator[bytes]:
    with file:
        yield from pieces
