"""What a line of the log looks like: text for people, or a JSON object for programs."""

import json
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from constants.exceptions import InvalidSettings, MachineFault, OtherRelease, WeightsError

if TYPE_CHECKING:
    from loguru import Record

#: Places in the code that are named of an error: the innermost ones say where it happened.
_MOST_PLACES = 30
#: Errors whose words can come from the machine and from this project alone; another's may repeat a label.
_OF_THE_MACHINE = (sqlite3.Error, InvalidSettings, MachineFault, OtherRelease, WeightsError)


def as_text(record: "Record") -> str:
    """Time, level, process, what it is about, and the message; an error's places follow, indented."""
    extra = record["extra"]
    request = extra.get("request", extra["about"])
    within = f" (request {request})" if request != extra["about"] else ""
    level, process, about = record["level"].name, extra["process"], extra["about"]
    line = f"{_time(record)} {level: <7} {process: <12} {about} {record['message']}{within}"
    return "\n    ".join(map(_printable, (line, *_error(record))))


def as_json(record: "Record") -> str:
    """The same as an object; whatever the message names, numbers above all, is a field of its own."""
    extra = dict(record["extra"])
    fields: dict[str, Any] = {
        "time": _time(record),
        "level": record["level"].name,
        "process": extra.pop("process"),
        "about": extra.pop("about"),
        "message": record["message"],
    }
    if places := list(_error(record)):
        fields["error"] = places
    return json.dumps(fields | extra, default=str)


#: By what the setting is called.
FORMATS: dict[Literal["text", "json"], Callable[["Record"], str]] = {"text": as_text, "json": as_json}


def _time(record: "Record") -> str:
    return record["time"].isoformat(timespec="milliseconds")


def _printable(text: str) -> str:
    """The text without a character that could begin a line or move a terminal: a client may have chosen it."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _error(record: "Record") -> Iterator[str]:
    """Where an error happened and of which kind it is, its first cause first; never a value."""
    exception = record["exception"]
    error = None if exception is None else exception.value
    errors: list[BaseException] = []
    while error is not None and error not in errors:
        errors.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    for each in reversed(errors):
        for frame, line in list(traceback.walk_tb(each.__traceback__))[-_MOST_PLACES:]:
            yield f"{frame.f_code.co_filename}:{line} {frame.f_code.co_qualname}"
        yield type(each).__qualname__ + _words(each)


def _words(error: BaseException) -> str:
    """What an error says, where nobody's names can be in it; of the operating system's not the file's."""
    words = str(error) if isinstance(error, _OF_THE_MACHINE) else getattr(error, "strerror", None)
    return f": {words}" if words else ""
