"""The database: one place that opens it, so that every process treats it alike."""

import math
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event, func, make_url, select
from sqlalchemy.exc import ArgumentError

from constants.exceptions import InvalidSettings

#: The tables of every package are registered here.
metadata = MetaData()

#: Seconds that a process waits for another's write before it gives up, where nobody waits for the process.
PATIENCE_S = 30.0
#: Seconds that emptying the journal waits for readers: as long as it does, nobody else can write.
_READERS_S = 0.2
#: The number by which writers to PostgreSQL agree on a lock: any will do.
_WRITERS = 0x6661636961
#: A look at what a transaction leaves just before it is committed, which gives what is done once it is.
Look = Callable[[Connection], Callable[[], None]]
#: The option of a writing connection that holds these.
_AT_COMMIT = "facial_at_commit"


class Database:
    """A SQLAlchemy engine whose transactions say beforehand whether they write.

    SQLite is the embedded default: WAL, so that readers never wait for a writer; synchronous=FULL, so
    that what was committed survives a power cut; secure_delete, so that what was deleted is overwritten.
    An instance is made in the process that uses it, never carried over a fork.
    """

    def __init__(self, url: str, patience_s: float = PATIENCE_S) -> None:
        """``patience_s`` is how long it waits for another's write, or for a connection, before it gives up.

        Raises ``InvalidSettings`` for a URL that names no database, or one that this environment cannot speak to.
        """
        self.engine = _engine(url, patience_s)
        self._patience_s = patience_s
        if self.engine.dialect.name == "sqlite":
            _tune_sqlite(self.engine, patience_s)
        elif self.engine.dialect.name == "postgresql":
            _tune_postgresql(self.engine, patience_s)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of everything."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the right to write from its start, and commits at its end.

        Taking the right at the start (BEGIN IMMEDIATE) is what keeps two writers that first read and
        then write from failing halfway.
        """
        looks: list[Look] = []
        options = {"writes": True, _AT_COMMIT: looks}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            if self.engine.dialect.name == "postgresql":
                # Here, too, one writer at a time: who records the last picture must see all the others.
                connection.execute(select(func.pg_advisory_xact_lock(_WRITERS)))
            yield connection
            seen = [look(connection) for look in looks]
        for act in seen:
            act()

    @contextmanager
    def change_tables(self) -> Iterator[Connection]:
        """A transaction like ``write``'s in which tables may be made anew in place of others, as SQLite asks for.

        References between tables are not checked while it lasts.
        """
        if self.engine.dialect.name != "sqlite":
            with self.write() as connection:
                yield connection
            return
        with self.engine.connect().execution_options(writes=True) as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA foreign_keys=OFF")  # before the transaction: within one it does nothing
            try:
                with connection.begin():
                    yield connection
            finally:
                driver.execute("PRAGMA foreign_keys=ON")

    @staticmethod
    def copy(connection: Connection, path: Path) -> None:
        """Write what a transaction of SQLite's sees into a new file, which is not synced; nobody waits for it."""
        driver: Any = connection.connection.driver_connection
        with closing(sqlite3.connect(path)) as copy:
            copy.execute("PRAGMA synchronous=OFF")
            driver.backup(copy)

    def forget_deleted(self) -> bool:
        """Make SQLite's journal forget deleted rows; its main file forgets them as they are deleted.

        ``False`` while somebody reads what was there before: to be tried again. Other databases forget by themselves.
        """
        if self.engine.dialect.name != "sqlite":
            return True
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={1000 * _READERS_S:.0f}")
            try:
                busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            finally:
                connection.exec_driver_sql(f"PRAGMA busy_timeout={1000 * self._patience_s:.0f}")
        return not busy

    def close(self) -> None:
        self.engine.dispose()


def at_commit(connection: Connection, look: Look) -> None:
    """Have a look at the end of a writing transaction, and do what it gives; neither where that is rolled back."""
    connection.get_execution_options()[_AT_COMMIT].append(look)


def nameable(url: str) -> str:
    """A database's URL as it may be shown: without a password."""
    return make_url(url).set(query={}).render_as_string()


def _engine(url: str, patience_s: float) -> Engine:
    try:
        address = make_url(url)
        # Errors would else tell the values of a statement, and with them labels and encodings, to the log.
        return create_engine(address, hide_parameters=True, **_options(address, patience_s))
    except ArgumentError as error:
        raise InvalidSettings(
            "FACIAL_DATABASE_URL is no URL of a database, such as postgresql+psycopg://user:password@host/name."
        ) from error
    except ImportError as error:
        raise InvalidSettings(
            f"FACIAL_DATABASE_URL needs the Python package {error.name!r}; install it where the service's others are."
        ) from error


def _options(address: URL, patience_s: float) -> dict[str, Any]:
    """What is special to a kind of database."""
    options: dict[str, Any] = {"pool_timeout": patience_s}
    if address.get_backend_name() == "sqlite":
        if address.database in (None, "", ":memory:"):
            raise InvalidSettings("FACIAL_DATABASE_URL names no file; write sqlite:////folder/file.sqlite.")
        # Who reads waits for nobody: not for a connection either, while many wait to write.
        options["max_overflow"] = -1
    elif address.get_driver_name() in ("psycopg", "psycopg2"):
        # A server that was started again has ended connections that lie ready here; nobody should meet one of them.
        options["pool_pre_ping"] = True
        options["connect_args"] = {"connect_timeout": str(math.ceil(patience_s))} | dict(address.query)
    return options


def _tune_postgresql(engine: Engine, patience_s: float) -> None:
    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{1000 * patience_s:.0f}ms'")
        connection.commit()  # or it would be taken back with the transaction


def _tune_sqlite(engine: Engine, patience_s: float) -> None:
    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late; see _on_begin
        for pragma in (
            f"busy_timeout={1000 * patience_s:.0f}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "secure_delete=ON",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
