"""The database's connections: who may wait for whom."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from features.database import Database, Held, hold

#: More writers than a pool of SQLAlchemy's has connections, and seconds that they wait for the right to write.
WRITERS, PATIENCE_S = 40, 3.0


def test_who_reads_waits_for_nobody_however_many_wait_to_write(tmp_path):
    path = tmp_path / "facial.sqlite"
    database = Database(f"sqlite:///{path}", PATIENCE_S)
    with database.write() as connection:
        connection.execute(text("CREATE TABLE numbers (number INTEGER)"))

    def write() -> None:
        with suppress(OperationalError), database.write() as connection:
            connection.execute(text("INSERT INTO numbers VALUES (1)"))

    with closing(sqlite3.connect(path, isolation_level=None)) as other, ThreadPoolExecutor(WRITERS) as pool:
        other.execute("BEGIN IMMEDIATE")
        writing = [pool.submit(write) for _ in range(WRITERS)]
        while database.engine.pool.checkedout() < WRITERS:
            assert not any(writer.done() for writer in writing)
        with database.read() as connection:
            assert connection.scalar(text("SELECT count(*) FROM numbers")) == 0
        assert not any(writer.done() for writer in writing), "it was read only after somebody had given up"
        other.execute("ROLLBACK")
    with database.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM numbers")) > 0
    database.close()


def test_what_is_held_is_held_in_one_order(tmp_path):
    with closing(Database(f"sqlite:///{tmp_path / 'x.sqlite'}")) as database, database.write() as connection:
        hold(connection, Held.SHELF, "tenant", shared=True)
        hold(connection, Held.BUILD, 1, 2)
        hold(connection, Held.BUILD, 2)
        hold(connection, Held.SHELF, "tenant", shared=True)
        with pytest.raises(AssertionError, match="RECOGNIZER is to be held before BUILD"):
            hold(connection, Held.RECOGNIZER, "later")
        with pytest.raises(AssertionError):
            hold(connection, Held.SHELF, "tenant")
