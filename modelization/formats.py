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
    "onnx": Format("head.onnx", ".onnx", "application/octet-stream"),
    "keras": Format("head.keras", ".keras", "application/octet-stream"),
}


def read_format(dump: Path, name: str) -> bytes:
    """The bytes of a dump in one of ``FORMATS``. Raises ``NotFound`` where the dump was deleted meanwhile."""
    member = FORMATS[name].member
    try:
        if not member:
            return dump.read_bytes()
        with zipfile.ZipFile(dump) as bundle:
            return bundle.read(member)
    except FileNotFoundError as error:
        raise NotFound("This recognizer was deleted meanwhile.") from error
