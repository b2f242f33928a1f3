"""Dates as people write them on the command line."""

import re
from datetime import UTC, datetime, timedelta

from constants.exceptions import InvalidRequest

_DAYS = re.compile(r"([1-9]\d{0,4})d")


def days(written: str) -> timedelta | None:
    """A number of days such as ``90d``; None for anything else."""
    found = _DAYS.fullmatch(written)
    return timedelta(days=int(found[1])) if found else None


def moment(written: str) -> datetime:
    """A date, which ends as it begins, or a moment; of UTC where it does not say otherwise."""
    try:
        found = datetime.fromisoformat(written)
    except ValueError as error:
        raise InvalidRequest(f"{written!r} is no date; write one such as 2030-12-31, or days such as 90d.") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
