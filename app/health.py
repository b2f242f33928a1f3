"""Whether the service lives, and whether it can work."""

from typing import Any

from flask import Blueprint
from spectree import Response as Answers
from sqlalchemy import select

from app.openapi import describe
from app.schemas import Health
from app.service import broker, workplace
from jobs.table.tables import TaskKind

blueprint = Blueprint("health", __name__, url_prefix="/v1")

_TAGS = ("health",)


@blueprint.get("/healthz")
@describe("nothing", resp=Answers(HTTP_200=Health), tags=_TAGS)
def healthz() -> dict[str, Any]:
    """The web server answers."""
    return Health(status="ok").model_dump(exclude_unset=True)


@blueprint.get("/readyz")
@describe("nothing", resp=Answers(HTTP_200=Health, HTTP_503=Health), tags=_TAGS)
def readyz() -> tuple[dict[str, Any], int]:
    """The table can be read, and workers of every kind are there."""
    with workplace().database.read() as connection:
        connection.execute(select(1))
    workers = broker().workers()
    if workers is None or not all(workers.get(kind) for kind in TaskKind):
        return Health(status="unavailable", workers=workers).model_dump(), 503
    return Health(status="ok", workers=workers).model_dump(), 200
