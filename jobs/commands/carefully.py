"""How the commands go about that copy people's data: for nobody else to read, and leaving nothing half-done."""

import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DatabaseError

from constants.exceptions import FacialError, InvalidSettings
from constants.settings import Settings

#: Signals that end a command in order: what it has begun is deleted first.
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextmanager
def carefully(what: str) -> Iterator[None]:
    """Within, files are this user's alone, and a signal unwinds; ``what`` could not be done is said in a sentence."""
    usual = {number: signal.getsignal(number) for number in _ENDING}
    for number, handler in usual.items():
        if handler != signal.SIG_IGN:  # as nohup has it
            signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    mask = os.umask(0o077)
    try:
        yield
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        raise FacialError(f"{what} was given up: {error.strerror}{where}.") from error
    except (DatabaseError, sqlite3.Error) as error:
        said = error.orig if isinstance(error, DatabaseError) else error
        raise FacialError(f"{what} was given up; the database says: {said}.") from error
    finally:
        os.umask(mask)
        for number, handler in usual.items():
            signal.signal(number, handler)


def refuse_other_database(settings: Settings) -> None:
    """Raise ``InvalidSettings`` where tables or files are not in the data folder alone: others have own tools."""
    if settings.database_url:
        raise InvalidSettings(
            "FACIAL_DATABASE_URL names a database outside the data folder: stop the service, save or restore that with "
            "its own tools (PostgreSQL's are pg_dump and pg_restore) and the data folder with them, and start again."
        )
    if settings.storage_url:
        raise InvalidSettings(
            "FACIAL_STORAGE_URL names a place outside the data folder that files are kept in: stop the service, copy "
            "or restore that with its own tools and the database with them, and start again."
        )
