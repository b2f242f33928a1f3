"""A real PostgreSQL, thrown away at the end, and an empty database of it for each test."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bench.running_service import free_port
from constants.settings import Settings
from test.permitted_skips import NO_POSTGRESQL

#: The user that Debian's package makes: PostgreSQL refuses to be run by root.
_USER = "postgres"


def _programs() -> Path | None:
    """The folder of PostgreSQL's programs, which root needs another user for; Debian does not put it in PATH."""
    if os.geteuid() == 0 and not any(user.pw_name == _USER for user in pwd.getpwall()):
        return None
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(folders) if (folder / "pg_ctl").is_file()), None)


class Server:
    """A PostgreSQL on loopback, whose files are in a folder that its user may enter."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder = programs, folder
        self._port = free_port()
        self.address = f"facial@127.0.0.1:{self._port}"
        self._other: dict[str, Any] = {}
        if os.geteuid() == 0:
            shutil.chown(folder, _USER, _USER)
            self._other = {"user": _USER, "group": _USER, "extra_groups": []}
        self._run("initdb", "--username=facial", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")

    def start(self) -> None:
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        self._run("pg_ctl", "start", "--wait", f"--log={self._folder}/log", f"--options={options}")

    def kill(self) -> None:
        """End without a word to anybody; started again it recovers, as after a crash."""
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate")

    def _run(self, program: str, *arguments: str) -> None:
        # What is started keeps what it is given as output open, so nothing is a pipe.
        command = [str(self._programs / program), f"--pgdata={self._folder}/data", *arguments]
        subprocess.run(command, check=True, cwd=self._folder, stdout=subprocess.DEVNULL, **self._other)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A running server without a database of ours."""
    programs = _programs()
    if programs is None:
        pytest.skip(NO_POSTGRESQL)
    # Not in pytest's folder, which its user alone may enter.
    folder = Path(tempfile.mkdtemp(prefix="facial-postgresql-"))
    try:
        server = Server(programs, folder)
        server.start()
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder)


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
