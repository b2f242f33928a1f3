"""Photos without a recognizer on the command line: whether two show the same person, and their faces' encodings."""

import json
from collections.abc import Sequence
from pathlib import Path

from constants.settings import load_settings
from jobs.commands.photo_files import read, told, write_line
from jobs.work.photo_pairs import compared, encoded


def verify_photos(photos: Sequence[Path], as_json: bool) -> int:
    """Print whether the largest faces of two photos are of one person; 1 where they are not.

    Raises ``InvalidRequest`` for what is no file, and ``ImageRejected`` for what is no photo of a face.
    """
    first, second = told(photos)
    answer = compared([read(first), read(second)], load_settings())
    same, sure = answer["same_person"], answer["confidence"]
    words = "the same person" if same else "not the same person"
    write_line(json.dumps(answer) if as_json else f"{words}, {sure if same else 1 - sure:.1%} sure")
    return 0 if same else 1


def encode_photos(photos: Sequence[Path]) -> int:
    """Print the faces in photos with their encodings, a line of JSON for each photo; 1 where none could be read."""
    settings, usable = load_settings(), 0
    for photo in told(photos):
        (answer,) = encoded([read(photo)], settings)
        usable += "reason" not in answer
        write_line(json.dumps({"file": str(photo)} | answer, ensure_ascii=False))
    return 0 if usable else 1
