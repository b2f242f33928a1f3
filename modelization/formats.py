"""The forms in which a finished recognizer is given away; read without loading any network."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

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
    "html": Format("report.html", ".html", "text/html"),
    "json": Format("report.json", ".json", "application/json"),
}


def read_format(dump: Path, form: Format) -> bytes:
    """The bytes of a dump in one of its forms. Raises ``NotFound`` where the dump was deleted meanwhile."""
    try:
        if not form.member:
            return dump.read_bytes()
        with zipfile.ZipFile(dump) as bundle:
            return bundle.read(form.member)
    except FileNotFoundError as error:
        raise NotFound("This recognizer was deleted meanwhile.") from error
    except KeyError as error:
        raise NotFound(f"This recognizer was built without {form.member}; build it again.") from error
