"""What the real service writes is for its user alone, in its data folder, and nowhere else."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from test.service.running import ROOT, running

pytestmark = pytest.mark.thorough


def open_to_others(folder: Path) -> list[Path]:
    """What others could read or enter, themselves or by a folder above it in there."""
    found = [folder, *folder.rglob("*")]
    return [path for path in found if not path.is_symlink() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]


def umasks(pids: list[int]) -> set[str]:
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return {line.split()[1] for line in lines if line.startswith("Umask:")}


def test_everything_is_for_its_user_alone_and_in_its_folder(tmp_path, gallery):
    data, elsewhere = tmp_path / ("data" * 30), tmp_path / "temporary"  # too long a path for a socket
    for folder in (data, elsewhere):
        folder.mkdir()
        folder.chmod(0o755)
    (data / "facial.sqlite").touch(mode=0o644)
    (data / "graphs").mkdir()
    (data / "graphs" / ".encoder-left.part").touch()  # by a process that was killed
    mask = os.umask(0)  # what a careless service manager gives
    try:
        service = running(data, tmp_path / "log", FACIAL_ENCODE_WORKERS="1", TMPDIR=str(elsewhere))
        with service as started:
            pictures = [file for person in sorted(gallery.iterdir()) for file in sorted(person.iterdir())[:3]]
            sent = [(f"{file.parent.name}/{file.name}", file.read_bytes()) for file in pictures]
            status, accepted = started.post("/build_recognizer", "images", sent, keep_images="1")
            assert status == 202, accepted
            built = started.wait_until_built(accepted["id"])
            assert built["state"] == "ready"
            assert umasks(started.processes()) == {"0077"}
            assert open_to_others(data) == []
            assert list((data / "graphs").glob(".*")) == []
            assert (data / "clients.sock").is_socket() and (data / "audit.jsonl").is_file()
            started.kill()  # nothing is tidied up by those that are killed
    finally:
        os.umask(mask)
    assert open_to_others(data) == []
    assert list(elsewhere.iterdir()) == []


def test_a_build_without_a_server_that_was_killed_leaves_nothing_for_long(tmp_path, gallery):
    elsewhere, out = tmp_path / "temporary", tmp_path / "out"
    elsewhere.mkdir()
    out.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FACIAL_")}
    command = [sys.executable, str(ROOT / "run.py"), "build"]

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*command, *arguments], cwd=out, env=environment | {"TMPDIR": str(elsewhere)}, stderr=subprocess.DEVNULL
        )

    killed = start(str(gallery), "--dry-run")
    parent = elsewhere / f"facial-{os.geteuid()}"
    while not list(parent.glob("*/incoming/*/*")):
        assert killed.poll() is None
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert list(parent.iterdir())
    empty = out / "empty"
    empty.mkdir()
    assert start(str(empty), "--dry-run").wait() == 1
    assert list(parent.iterdir()) == [] and stat.S_IMODE(parent.stat().st_mode) == 0o700
