"""The forms in which a finished recognizer is given away; read without loading any network."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from constants.exceptions import NotFound


@dataclass(frozen=True)
class Format:
    """A form of a recognizer: its file in the bundle (all of it where empty), ending and media type."""

    member: str
    suffix: str
    media_type: str


FORMATS = {
    "bundle": Format("", ".zip", "application/zip"),
    "onnx": Format("recognizer.onnx", ".onnx", "application/octet-stream"),
    "head": Format("head.onnx", ".onnx", "application/octet-stream"),
    "keras": Format("head.keras", ".keras", "application/octet-stream"),
    "tflite": Format("head.tflite", ".tflite", "application/octet-stream"),
}


#: The forms of a version's report.
REPORTS = {
    "html": Format("report.html", ".html", "text/html; charset=utf-8"),
    "json": Format("report.json", ".json", "application/json"),
}


def open_format(path: Path, form: Format) -> tuple[IO[bytes], int]:
    """A bundle in one of its forms, to be read and closed, and its size in bytes.

    It can be read to its end even if the bundle is deleted meanwhile. Raises ``NotFound`` where it was already.
    """
    try:
        if not form.member:
            return path.open("rb"), path.stat().st_size
        with zipfile.ZipFile(path) as bundle:
            return bundle.open(form.member), bundle.getinfo(form.member).file_size
    except FileNotFoundError as error:
        raise NotFound("This recognizer was deleted meanwhile.") from error
    except KeyError as error:
        raise NotFound(f"This recognizer was built without {form.member}; build it again.") from error
