"""The database's connections: who may wait for whom."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from features.database import Database

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
