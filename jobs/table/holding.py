"""What is held of recognizers and builds while they are changed: see ``features.database.hold``."""

from sqlalchemy import Connection, select

from features.database import Held, hold
from features.store import hold_shelf
from jobs.table.tables import builds, recognizers


def hold_recognizer(connection: Connection, recognizer_id: str) -> None:
    """Let nobody else make or erase versions of a recognizer."""
    hold(connection, Held.RECOGNIZER, recognizer_id)


def hold_build(connection: Connection, *numbers: int) -> None:
    """Let nobody else end work on builds, or their work as a whole; it may be handed out meanwhile, and go on."""
    hold(connection, Held.BUILD, *numbers)


def hold_whole(connection: Connection, recognizer_id: str) -> None:
    """Hold a recognizer, all its builds, and what is kept of its tenant's pictures: of any of it may be deleted."""
    tenant = connection.scalar(select(recognizers.c.tenant).where(recognizers.c.id == recognizer_id))
    if tenant is not None:
        hold_shelf(connection, tenant)
    hold_recognizer(connection, recognizer_id)
    # Read afterwards: by now there will be no others.
    numbers = connection.scalars(select(builds.c.number).where(builds.c.recognizer_id == recognizer_id))
    hold_build(connection, *numbers.all())
