"""A real PostgreSQL on the loopback address, thrown away at the end."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.running_service import free_port

#: The user that Debian's package makes: PostgreSQL refuses to be run by root.
_USER = "postgres"


def programs() -> Path | None:
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


@contextmanager
def running_postgresql(programs: Path) -> Iterator[Server]:
    """A running server without a database of ours."""
    # In a folder of its own: those of tests and benchmarks are for their user alone to enter.
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
