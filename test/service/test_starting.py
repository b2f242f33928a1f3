"""A service that cannot start says why in one sentence and ends, instead of being started again for ever."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from test.service.running import ROOT, free_port, running

pytestmark = pytest.mark.thorough

OLD = ROOT / "test" / "data" / "release_0_9_0"


def start(data_dir: Path, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The service, or another command in its place, until it ends."""
    beside = str(Path(sys.executable).parent)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FACIAL_")}
    own = {"PATH": beside + os.pathsep + os.environ["PATH"], "FACIAL_PORT": str(free_port())}
    return subprocess.run(
        command or ["uwsgi", "--ini", "app.ini"],
        cwd=ROOT,
        env=inherited | own | {"FACIAL_DATA_DIR": str(data_dir)} | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refused(ended: subprocess.CompletedProcess[str], sentence: str) -> None:
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1
    assert "secret" not in said
    assert said.count(sentence) == 1 and "Traceback" not in said


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"FACIAL_ENCODE_WORKERS": "many"}, "'FACIAL_ENCODE_WORKERS' is wrong"),
        ({"FACIAL_ENCODE_WORKER": "2"}, "did you mean 'FACIAL_ENCODE_WORKERS'?"),
        ({"FACIAL_DATA_DIR": "/dev/null/data"}, "The data folder /dev/null/data cannot be used"),
        ({"FACIAL_DATABASE_URL": "facial"}, "FACIAL_DATABASE_URL is no URL of a database"),
        ({"FACIAL_DATABASE_URL": "sqlite://"}, "FACIAL_DATABASE_URL names no file"),
        ({"FACIAL_DATABASE_URL": "postgresql+pg8000://me:secret@127.0.0.1/x"}, "needs the Python package 'pg8000'"),
        ({"FACIAL_DATABASE_URL": "sqlite:////dev/null/x?key=secret"}, "sqlite:////dev/null/x cannot be used: unable"),
        # Without its brackets uWSGI takes it for a name that it cannot find, and listens where nobody asks.
        ({"FACIAL_HOST": "::1"}, "Nothing can listen on ::1:"),
    ],
)
def test_what_is_wrong_with_the_settings_is_said_once(tmp_path, settings, sentence):
    refused(start(tmp_path, **settings), sentence)


def test_the_command_says_what_is_wrong_as_well(tmp_path):
    refused(start(tmp_path, sys.executable, "run.py", "serve", FACIAL_PORT="web"), "'FACIAL_PORT' is wrong")


def test_a_port_that_is_taken_is_said_once(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused(start(tmp_path, FACIAL_PORT=str(port)), f"Nothing can listen on 127.0.0.1:{port}")


def test_a_database_that_is_none_is_said_once_and_left_alone(tmp_path):
    (tmp_path / "facial.sqlite").write_text("Dear diary, " * 1000)
    refused(start(tmp_path), "facial.sqlite cannot be used: file is not a database")
    assert (tmp_path / "facial.sqlite").read_text().startswith("Dear diary")
    (tmp_path / "facial.sqlite").unlink()
    (tmp_path / "facial.sqlite").mkdir()
    refused(start(tmp_path), "facial.sqlite cannot be used: unable to open database file")


def test_workers_that_cannot_start_again_end_the_service(tmp_path):
    log, data_dir = tmp_path / "log", tmp_path / "data"
    with running(data_dir, log, FACIAL_ENCODE_WORKERS="1") as service:
        (data_dir / "lock").unlink()
        (data_dir / "lock").mkdir()
        os.kill(service.processes("run.py workers")[0], signal.SIGKILL)
        assert service.wait() == 1
    assert log.read_text().count("cannot be used: Is a directory") == 1


def test_a_folder_of_a_newer_release_is_left_alone(tmp_path):
    shutil.copytree(OLD, tmp_path / "data")
    with closing(sqlite3.connect(tmp_path / "data" / "facial.sqlite")) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('2.0.0')")
        database.commit()
    refused(start(tmp_path / "data"), "run release 2.0.0 or a newer one")
    assert (tmp_path / "data" / "dumps").is_dir()


def test_a_data_folder_serves_one_service(tmp_path):
    with running(tmp_path / "data", tmp_path / "log", FACIAL_ENCODE_WORKERS="1") as service:
        refused(start(tmp_path / "data"), "Another service uses the data folder")
        assert service.get("/is_alive")[0] == 200
        service.stop()


@pytest.mark.parametrize("address", ["0.0.0.0", "", "[::]", "localhost.example.org"])
def test_an_address_that_others_reach_needs_a_key_first(tmp_path, address):
    refused(start(tmp_path / "data", FACIAL_HOST=address), "python run.py keys create --name NAME")


def test_others_are_let_in_by_keys_alone(tmp_path):
    made = start(tmp_path / "data", sys.executable, "run.py", "keys", "create", "--name", "one", "--scope", "build")
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    everywhere = {"FACIAL_HOST": "0.0.0.0", "FACIAL_ENCODE_WORKERS": "1"}
    with running(tmp_path / "data", tmp_path / "log", **everywhere) as service:
        assert service.get("/v1/recognizers")[0] == 401
        assert service.get("/v1/recognizers", Authorization=f"Bearer {key}") == (200, {"recognizers": [], "total": 0})
        # Revoked while the service runs.
        assert start(tmp_path / "data", sys.executable, "run.py", "keys", "revoke", "one").returncode == 0
        assert service.get("/v1/recognizers", Authorization=f"Bearer {key}")[0] == 401
    assert key not in (tmp_path / "log").read_text()
