"""The files of a bundle that use it without the service."""

from pathlib import Path

from preprocessor import drawing

_FOLDER = Path(__file__).parent / "portable"


def portable_files() -> dict[str, bytes]:
    """Name and content of each: a script, what it draws with, and a page for a browser."""
    files = [_FOLDER / "recognize.py", _FOLDER / "demo.html", Path(drawing.__file__)]
    return {file.name: file.read_bytes() for file in files}
