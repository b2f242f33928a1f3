"""Recognizing on the command line: the service's own pipeline, without the service."""

import json
import resource
from contextlib import suppress
from pathlib import Path

from constants.exceptions import InvalidRequest
from constants.settings import load_settings
from jobs.work.recognition import recognize
from modelization.recognizer import Recognizer

#: Bytes of address space: twice what the largest photo takes that is decoded, libraries and threads included.
_MAX_ADDRESSES = 4 * 2**30


def recognize_photos(recognizer: Path, photos: list[Path]) -> None:
    """Print the faces in photos, with the names that a recognizer's file gives them, as JSON."""
    missing = next((path for path in (recognizer, *photos) if not path.is_file()), None)
    if missing is not None:
        raise InvalidRequest(f"{missing} is not a file.")
    _bound_memory()
    loaded = Recognizer.load(recognizer)
    answers = recognize(loaded, [photo.read_bytes() for photo in photos], load_settings())
    images = [{"file": str(photo)} | answer for photo, answer in zip(photos, answers, strict=True)]
    print(json.dumps({"images": images}, ensure_ascii=False, indent=2))


def _bound_memory() -> None:
    """Let this process have no more than it may: the file may be a stranger's, and ask for any amount."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    with suppress(ValueError, OSError):  # macOS has no such limit, and there may be a lower one already
        resource.setrlimit(resource.RLIMIT_AS, (_MAX_ADDRESSES, hard))
