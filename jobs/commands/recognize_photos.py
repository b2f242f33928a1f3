"""Recognizing on the command line: the service's own pipeline, without the service."""

import json
from pathlib import Path

from constants.exceptions import InvalidRequest
from constants.settings import load_settings
from jobs.work.recognition import recognize
from modelization.recognizer import Recognizer


def recognize_photos(recognizer: Path, photos: list[Path]) -> None:
    """Print the faces in photos, with the names that a recognizer's file gives them, as JSON."""
    missing = next((path for path in (recognizer, *photos) if not path.is_file()), None)
    if missing is not None:
        raise InvalidRequest(f"{missing} is not a file.")
    loaded = Recognizer.load(recognizer)
    answers = recognize(loaded, [photo.read_bytes() for photo in photos], load_settings())
    images = [{"file": str(photo)} | answer for photo, answer in zip(photos, answers, strict=True)]
    print(json.dumps({"images": images}, ensure_ascii=False, indent=2))
