"""The nodes at work on the tables: each says that it is there, and which of them reaches whose files."""

from sqlalchemy import ColumnElement, select, update

from constants.exceptions import Elsewhere
from features.database import Database, upsert
from jobs.table.tables import TaskState, nodes, recognizers, tasks


def is_within_reach(node: str) -> ColumnElement[bool]:
    """Whether a node reaches a recognizer's files: they are its own, or every node does."""
    return recognizers.c.node.is_(None) | (recognizers.c.node == node)


def require_within_reach(database: Database, recognizer_id: str, home: str | None) -> None:
    """Raise ``Elsewhere`` for a recognizer that has another ``home``; without one, every node reaches all of them."""
    if home is None:
        return
    query = select(nodes.c.host).select_from(recognizers).outerjoin(nodes, nodes.c.id == recognizers.c.node)
    with database.read() as connection:
        elsewhere = connection.execute(query.where(recognizers.c.id == recognizer_id, ~is_within_reach(home))).first()
    if elsewhere is not None:
        where = elsewhere.host or "a machine that is unknown here"
        raise Elsewhere(f"Another node keeps this recognizer, on {where}; ask that one.")


def share(database: Database, node: str) -> None:
    """Let every node reach the recognizers that were one node's alone: their files are shared by now."""
    own = recognizers.c.node == node
    with database.read() as connection:
        if connection.scalar(select(recognizers.c.id).where(own).limit(1)) is None:
            return
    with database.write() as connection:
        connection.execute(update(recognizers).where(own).values(node=None))


def beat(database: Database, node: str, host: str) -> None:
    """Say that a node is there."""
    with database.write() as connection:
        first = {"id": node, "host": host, "beats": 1}
        connection.execute(upsert(connection, nodes, first, {"host": host, "beats": nodes.c.beats + 1}))


def beats_of_others(database: Database, node: str) -> set[tuple[str, int]]:
    """How often each other node that holds work has said that it is there."""
    at_work = select(tasks.c.node).where(tasks.c.state == TaskState.LEASED, tasks.c.node != node)
    with database.read() as connection:
        rows = connection.execute(select(nodes.c.id, nodes.c.beats).where(nodes.c.id.in_(at_work)))
        return {(row.id, row.beats) for row in rows}
