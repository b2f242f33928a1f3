"""The database's connections on PostgreSQL: who waits for whom, and how long."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from features.database import Database, Held, hold

pytestmark = pytest.mark.thorough

#: Writers at the same time, and how many numbers each of them writes.
WRITERS, TURNS = 8, 10


def _with_numbers(database: Database) -> Database:
    with database.write() as connection:
        connection.execute(text("CREATE TABLE numbers (number INTEGER)"))
    return database


def test_what_a_writer_holds_stays_as_it_read_it_until_it_commits(database_url):
    with closing(_with_numbers(Database(database_url))) as database, ThreadPoolExecutor(WRITERS) as pool:

        def count_on(_writer: int) -> None:
            for _ in range(TURNS):
                with database.write() as connection:
                    hold(connection, Held.BUILD, 7)
                    last = connection.scalar(text("SELECT coalesce(max(number), 0) FROM numbers"))
                    connection.execute(text("INSERT INTO numbers VALUES (:next)"), {"next": last + 1})

        list(pool.map(count_on, range(WRITERS)))
        with database.read() as connection:
            numbers = connection.scalars(text("SELECT number FROM numbers ORDER BY number")).all()
    assert numbers == list(range(1, WRITERS * TURNS + 1))


def test_a_reader_waits_for_no_writer_and_a_writer_only_for_who_holds_the_same_and_not_for_ever(database_url):
    patience_s = 0.3
    with (
        closing(_with_numbers(Database(database_url))) as database,
        closing(Database(database_url, patience_s)) as impatient,
        database.write() as connection,
    ):
        hold(connection, Held.BUILD, 7)
        connection.execute(text("INSERT INTO numbers VALUES (1)"))
        with impatient.read() as reading:
            assert reading.scalar(text("SELECT count(*) FROM numbers")) == 0
        with impatient.write() as other:
            hold(other, Held.RECOGNIZER, 7)
            hold(other, Held.BUILD, 8)
            other.execute(text("INSERT INTO numbers VALUES (2)"))
        began = time.monotonic()
        with pytest.raises(OperationalError, match="lock timeout"), impatient.write() as other:
            hold(other, Held.BUILD, 6, 7)
        assert time.monotonic() - began >= patience_s


def test_what_is_shared_is_held_by_all_who_share_it_or_by_one(database_url):
    with (
        closing(Database(database_url, 0.3)) as database,
        database.write() as first,
        database.write() as second,
    ):
        hold(first, Held.SHELF, "tenant", shared=True)
        hold(second, Held.SHELF, "tenant", shared=True)
        with pytest.raises(OperationalError, match="lock timeout"), database.write() as alone:
            hold(alone, Held.SHELF, "tenant")


def test_a_reader_sees_one_state(database_url):
    with closing(_with_numbers(Database(database_url))) as database, database.read() as reading:
        seen = text("SELECT count(*) FROM numbers")
        assert reading.scalar(seen) == 0
        with database.write() as connection:
            connection.execute(text("INSERT INTO numbers VALUES (1)"))
        assert reading.scalar(seen) == 0


def test_what_fails_is_taken_back_and_others_write_on(database_url):
    with closing(_with_numbers(Database(database_url))) as database:

        def fail() -> None:
            with database.write() as connection:
                connection.execute(text("INSERT INTO numbers VALUES (1)"))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        with database.write() as connection:
            connection.execute(text("INSERT INTO numbers VALUES (2)"))
        with database.read() as connection:
            assert connection.scalars(text("SELECT number FROM numbers")).all() == [2]
