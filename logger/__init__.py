"""How a process logs: one line an event, never an encoding, a picture, a file name or a label."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from loguru import logger

from constants.settings import Settings

__all__ = ["about", "logger", "start_logging"]


def start_logging(settings: Settings, process: str) -> None:
    """Send this process' log to standard error; ``process`` names it in every line."""
    logger.remove()
    logger.configure(extra={"process": process, "about": "-"})
    logger.add(
        sys.stderr,
        level=settings.log_level,
        format="{time:YYYY-MM-DDTHH:mm:ss.SSSZZ} {level: <7} {extra[process]: <12} {extra[about]} {message}",
        # Tracebacks that show values would show encodings and labels.
        diagnose=False,
        backtrace=False,
    )


@contextmanager
def about(identity: str) -> Iterator[None]:
    """Within, every line of the log names the request or the build that it is about."""
    with logger.contextualize(about=identity):
        yield
