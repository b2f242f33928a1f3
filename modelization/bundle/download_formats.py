"""The forms in which a finished recognizer is given away; read without loading any network."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from constants.exceptions import NotFound
from modelization.bundle.bundle_file import REPORT_HTML, REPORT_JSON, REPORT_PAGES
from modelization.bundle.bundle_parts import open_whole
from modelization.bundle.recognizer_page import recognizer_page


@dataclass(frozen=True)
class Format:
    """A form of a recognizer: its file in the bundle (all of it where empty), ending and media type.

    ``before`` is what bundles have in its place that are of a time before there was such a file.
    """

    member: str
    suffix: str
    media_type: str
    before: str = ""


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


#: The forms of a version's report, which is a page in each language.
REPORTS = {
    "html": Format(REPORT_HTML, ".html", "text/html; charset=utf-8"),
    "json": Format(REPORT_JSON, ".json", "application/json"),
}

#: Bytes that are read at a time.
_PIECE = 1 << 16


def report_form(name: str, language: str) -> Format:
    """A form of the report, in a language where it is in words: of an older bundle, in the one that it has."""
    form = REPORTS[name]
    return replace(form, member=REPORT_PAGES[language], before=form.member) if name == "html" else form


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
    member = form.member if form.member in bundle.namelist() or not form.before else form.before
    return _pieces(bundle.open(member)), bundle.getinfo(member).file_size


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _closing(file: IO[bytes], pieces: Iterator[bytes]) -> Iterator[bytes]:
    with file:
        yield from pieces
