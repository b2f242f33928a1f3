"""A real PostgreSQL, thrown away at the end, and an empty database of it for each test."""

from collections.abc import Callable, Iterator
from itertools import count

import psycopg
import pytest

from bench.running_postgresql import Server, programs, running_postgresql
from constants.settings import Settings
from test.permitted_skips import NO_POSTGRESQL


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A running server without a database of ours."""
    found = programs()
    if found is None:
        pytest.skip(NO_POSTGRESQL)
    with running_postgresql(found) as server:
        yield server


@pytest.fixture(scope="session")
def make_database(postgresql: Server) -> Callable[[], str]:
    """Makes an empty database and gives its URL, as FACIAL_DATABASE_URL takes it."""
    numbers = count()

    def make() -> str:
        name = f"facial_{next(numbers)}"
        with psycopg.connect(f"postgresql://{postgresql.address}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql+psycopg://{postgresql.address}/{name}"

    return make


@pytest.fixture
def database_url(make_database: Callable[[], str]) -> str:
    return make_database()


@pytest.fixture
def service_settings(service_settings: Settings, database_url: str) -> Settings:
    """What every other test has, and this database in place of SQLite."""
    return service_settings.model_copy(update={"database_url": database_url})
