"""Counts of work that only grow: how often it was broken off, and how long it took when it was done.

They are written with the work itself, in its transaction, so each piece is counted once, whatever process ends when.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Table

from features.database import upsert
from jobs.table.tables import broken_off, durations

#: Upper bounds in seconds of the buckets of durations: of a picture a few hundredths, of a long search hours.
DURATIONS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, math.inf)


class Work(StrEnum):
    """What takes its time."""

    #: A picture, encoded; of several that are encoded together each takes its share.
    PICTURE = "picture"
    #: A video, with all its frames.
    VIDEO = "video"
    #: A training with its search, or what of it was still to be done.
    TRAINING = "training"


@dataclass(frozen=True)
class Took:
    """So many pieces of work, done together in so many seconds."""

    work: Work
    seconds: float
    number: int = 1


def count_broken_off(connection: Connection, kind: str, ending: str, number: int, given_up: int) -> None:
    """Count that work on so many tasks was broken off, and for good on some, within the caller's transaction."""
    _add(connection, broken_off, {"kind": kind, "ending": ending}, {"number": number, "given_up": given_up})


def count_duration(connection: Connection, took: Took) -> None:
    """Count how long work took, within the caller's transaction."""
    if took.number:
        within_s = DURATIONS_S[bisect_left(DURATIONS_S, took.seconds / took.number)]
        amounts = {"number": took.number, "seconds": took.seconds}
        _add(connection, durations, {"work": took.work, "within_s": within_s}, amounts)


def _add(connection: Connection, table: Table, key: Mapping[str, str | float], amounts: Mapping[str, float]) -> None:
    """Add to the columns of a row, which begins with nothing."""
    more = {name: table.c[name] + amount for name, amount in amounts.items()}
    connection.execute(upsert(connection, table, {**key, **amounts}, more))
