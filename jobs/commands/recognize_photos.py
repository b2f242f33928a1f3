"""Recognizing on the command line: the service's own pipeline, without the service."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from constants.exceptions import InvalidRequest
from constants.settings import load_settings
from jobs.commands.photo_files import bound_memory, read, told, write_line
from jobs.work.recognition import drawn, recognize
from modelization.recognizer import Recognizer


def recognize_photos(recognizer: Path, photos: Sequence[Path], as_json: bool, draw: Path | None) -> int:
    """Print whom each photo shows by a recognizer's file, as soon as it is known; 1 where none could be read.

    As JSON it is a line for each photo, as the service's answer has it. With ``draw``, a folder, each photo is put
    there as a JPEG with its faces drawn into it. Raises ``InvalidRequest`` for what is no file or folder.
    """
    if not recognizer.is_file():
        raise InvalidRequest(f"{recognizer} is not a file.")
    found = told(photos)
    if draw is not None:
        draw.mkdir(parents=True, exist_ok=True)
    bound_memory()
    loaded, settings, usable = Recognizer.load(recognizer), load_settings(), 0
    for photo in found:
        content = read(photo)
        (answer,) = recognize(loaded, [content], settings)
        usable += "reason" not in answer
        write_line(json.dumps({"file": str(photo)} | answer, ensure_ascii=False) if as_json else _words(photo, answer))
        if draw is not None and "reason" not in answer:
            (picture,) = drawn([content], [answer])
            (draw / f"{photo.stem}.jpg").write_bytes(picture)
    return 0 if usable else 1


def _words(photo: Path, answer: dict[str, Any]) -> str:
    """What a person reads: who is on a photo, from left to right."""
    if "reason" in answer:
        return f"{photo}: {answer['message']}"
    faces = sorted(answer["faces"], key=lambda face: face["box"]["x_min"])
    partly = " (the first picture of several in the file)" if "first_of_several" in answer else ""
    return f"{photo}: {', '.join(map(_who, faces)) or 'no face'}{partly}"


def _who(face: dict[str, Any]) -> str:
    return "unknown" if face["person"] is None else f"{face['person']} {face['confidence']:.0%}"
