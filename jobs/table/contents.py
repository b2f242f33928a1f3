"""What a version was made of, as clients see it: its files with their faces, and its people."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from constants.reasons import Reason
from features.database import Database
from jobs.table.builds import build_row
from jobs.table.tables import files


def images(database: Database, recognizer_id: str, version: int | None = None) -> list[dict[str, Any]]:
    """What became of every file of a version, in the order sent. Raises as ``builds.status`` does."""
    with database.read() as connection:
        rows = rows_of(connection, build_row(connection, recognizer_id, version).number)
    names = {row.position: row.name for row in rows}
    first: dict[str, str] = {}
    for row in rows:
        first.setdefault(row.content_hash, row.name)
    return [
        {
            "number": row.position,
            "file": row.name,
            "label": row.label,
            "state": row.state,
            "faces": list(_faces(row, names)),
            "reason": row.reason,
            "message": Reason(row.reason).message if row.reason else None,
            "duplicate_of": first[row.content_hash] if row.reason == Reason.DUPLICATE else None,
        }
        for row in rows
    ]


def people(database: Database, recognizer_id: str, version: int | None = None) -> list[dict[str, Any]]:
    """What was found about every person of a version, by label. Raises as ``builds.status`` does."""
    with database.read() as connection:
        build = build_row(connection, recognizer_id, version)
        names = {row.position: row.name for row in rows_of(connection, build.number)}
    return [person | {"typical": _place(person["typical"], names)} for person in build.people or ()]


def rows_of(connection: Connection, build: int) -> Sequence[Row[Any]]:
    """The files of a build by their positions."""
    return connection.execute(select(files).where(files.c.build == build).order_by(files.c.position)).all()


def _faces(row: Row[Any], names: dict[int, str]) -> Iterator[dict[str, Any]]:
    person = {taken["face"]: taken["person"] for taken in row.people or ()}
    for found in row.findings or ():
        near = [{"number": number, "file": names[number]} for number in found["near_duplicates"] if number in names]
        yield found | {"person": person.get(found["face"]), "near_duplicates": near}


def _place(typical: Sequence[int], names: dict[int, str]) -> dict[str, Any]:
    number, face = typical
    return {"number": number, "file": names.get(number), "face": face}
