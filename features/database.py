"""The database: one place that opens it, so that every process treats it alike."""

import hashlib
import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Insert, MetaData, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError

from constants.exceptions import InvalidSettings

#: The tables of every package are registered here.
metadata = MetaData()

#: Seconds that a process waits for another's write before it gives up, where nobody waits for the process.
PATIENCE_S = 30.0
#: Seconds that emptying the journal waits for readers: as long as it does, nobody else can write.
_READERS_S = 0.2
#: A look at what a transaction leaves just before it is committed, which gives what is done once it is.
Look = Callable[[Connection], Callable[[], None]]
#: The options of a writing connection that have these, and what it holds: numbers of things, and whether by itself.
_AT_COMMIT, _HELD = "facial_at_commit", "facial_held"
#: KiB of memory in which SQLite keeps pages of tables while very many rows are written.
_MANY_ROWS_KIB = 64 * 1024
#: Takes locks in the order in which their keys are given; they end with the transaction.
_LOCK = "SELECT pg_advisory_xact_lock{shared}(key) FROM unnest(CAST(:keys AS bigint[])) AS key"


@contextmanager
def many_rows(connection: Connection) -> Iterator[None]:
    """Within, a transaction writes very many rows, which come in no order of some index.

    With SQLite's usual 2 MB of memory the pages of that index are written, and read, again and again: 300,000 rows of
    files take 6 s, and with enough memory for all of it 3 s. It is given back afterwards.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    before = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
    connection.exec_driver_sql(f"PRAGMA cache_size={-_MANY_ROWS_KIB}")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA cache_size={before}")


class Held(IntEnum):
    """What a writing transaction may hold, in the order in which it must: so no two wait for each other.

    What is guarded by each of them, docs/design-notes.md says.
    """

    #: The tables themselves, while they are made or carried over.
    SCHEMA = 1
    #: The key of a request.
    REQUEST = 2
    #: How many recognizers a tenant has, what they are called, and its own name.
    TENANT = 3
    #: What is kept of a tenant's pictures: shared by whoever adds to it, held alone by whoever deletes.
    SHELF = 4
    #: A recognizer: its versions, and the folder of its pictures.
    RECOGNIZER = 5
    #: A build: its files, its leases, and its state.
    BUILD = 6
    #: What is kept of one picture.
    CONTENT = 7


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

    @property
    def is_shared(self) -> bool:
        """Whether services on other machines may use it as well."""
        return self.engine.dialect.name != "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of everything."""
        options = {"isolation_level": "REPEATABLE READ"} if self.engine.dialect.name == "postgresql" else {}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes, and commits at its end.

        SQLite has one writer at a time, who holds everything from the start (BEGIN IMMEDIATE): two that first read and
        then write would else fail halfway. In PostgreSQL there are many; who decides by what it has read ``hold``s it.
        """
        looks: list[Look] = []
        options = {"writes": True, _AT_COMMIT: looks, _HELD: {}}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
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
                hold(connection, Held.SCHEMA, "")
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


def hold(connection: Connection, what: Held, *keys: str | int, shared: bool = False) -> None:
    """Let no other transaction hold the same things until this one ends, but for who shares them as well.

    What it reads of them afterwards stays so. SQLite's one writer holds everything as it is. Raises ``AssertionError``,
    with every database, for what should have been held before something that is held already.
    """
    held: dict[tuple[Held, int], bool] = connection.get_execution_options()[_HELD]
    wanted = sorted({(what, _number(what, key)) for key in keys})
    missing = [thing for thing in wanted if not (thing in held and (shared or not held[thing]))]
    if not missing:
        return
    assert all(thing < missing[0] for thing in held), f"{what.name} is to be held before {max(held)[0].name}"
    held.update(dict.fromkeys(missing, shared))
    if connection.dialect.name == "postgresql":
        lock = text(_LOCK.format(shared="_shared" if shared else ""))
        connection.execute(lock, {"keys": [number for _, number in missing]})


def upsert(connection: Connection, table: Table, row: Mapping[str, Any], changed: Mapping[str, Any]) -> Insert:
    """A statement that inserts a row, or has columns of the one ``changed`` that has its primary key already."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return insert(table).values(row).on_conflict_do_update(index_elements=table.primary_key, set_=changed)


def _number(what: Held, key: str | int) -> int:
    """The number by which PostgreSQL knows what is held: 64 bits, with a sign."""
    digest = hashlib.blake2b(f"{what.name} {key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


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
