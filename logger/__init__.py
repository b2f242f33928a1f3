"""How a process logs: one line an event, never an encoding, a picture, a file name or a label."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from loguru import logger

from constants.settings import Settings
from logger.lines import FORMATS

if TYPE_CHECKING:
    from loguru import Record

__all__ = ["about", "log_uncaught", "logger", "speak_alone", "start_logging"]


def start_logging(settings: Settings, process: str) -> None:
    """Send this process' log to standard error; ``process`` names it in every line."""
    line = FORMATS[settings.log_format]

    def formatted(record: "Record") -> str:
        record["extra"]["line"] = line(record)
        return "{extra[line]}\n"

    logger.remove()
    logger.configure(extra={"process": process, "about": "-"})
    logger.add(_write, level=settings.log_level, format=formatted, colorize=False)


def _write(line: str) -> None:
    """Write to standard error as it is by now; what a full disk does not take is lost, and breaks nothing."""
    with suppress(OSError):
        sys.stderr.write(line)


@contextmanager
def about(identity: str, **more: str) -> Iterator[None]:
    """Within, every line of the log names what it is about: a request, a recognizer, or a version of one.

    ``more`` stays in lines within that are about something else.
    """
    with logger.contextualize(about=identity, **more):
        yield


def log_uncaught() -> None:
    """Say in the log what nobody handled: Python would write the error's words, which may repeat a label."""
    sys.excepthook = lambda _kind, error, _trace: logger.opt(exception=error).critical("an error was not handled")
    threading.excepthook = lambda thread: logger.opt(exception=thread.exc_value).critical("a thread ended by an error")


def speak_alone() -> None:
    """Let nothing reach standard error any more but what Python writes there.

    uWSGI would say there what clients sent, as they sent it: addresses with labels, headers with line breaks.
    """
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
