"""A data folder on a small disk that fills, or that lets nothing be written any more."""

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from constants.settings import Settings
from test.app.conftest import form
from test.app.test_machine_faults import assert_refused, zipped
from test.permitted_skips import NO_MOUNT

#: Bytes of the disk; and those that are left of it: none, less than pictures have, than the journal grows by, enough.
DISK = 4 << 20
LEFT = (0, *range(4_096, 200_000, 12_288))


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """Within, a folder is a disk of so many bytes."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip(NO_MOUNT)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def service_settings(tmp_path, monkeypatch):
    """Settings whose data folder is a disk of its own; of which nothing is reserved, so that it really fills."""
    monkeypatch.setattr("jobs.table.admission._RESERVED_BYTES", 0)
    with small_disk(tmp_path / "data", DISK) as folder:
        yield Settings(data_dir=folder)


@contextmanager
def filled(folder, left: int) -> Iterator[None]:
    """Within, so many bytes of the disk are left."""
    filler = folder / "filler"
    try:
        with filler.open("wb") as file:
            while (room := free(folder) - left) > 0:
                with suppress(OSError):  # others write to it, too
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), room)
        yield
    finally:
        filler.unlink()


def free(folder) -> int:
    """Bytes of the disk that are free."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


@contextmanager
def only_to_be_read(folder) -> Iterator[None]:
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", folder], check=True)


@pytest.mark.parametrize("packed", [False, True])
def test_a_disk_that_fills(client, workplace, pictures, accepted, everything, packed):
    before, statuses, codes = everything(), [], set()
    for left in LEFT:
        with filled(workplace.settings.data_dir, left):
            answer = client.post("/build_recognizer", data=form(zipped(pictures) if packed else pictures))
            assert client.get(f"/is_available?id={accepted}").status_code == 200
        statuses.append(answer.status_code)
        if answer.status_code == 202:
            assert client.delete(f"/v1/recognizers/{answer.json['id']}").status_code == 204
        else:
            codes.add(answer.json["error"]["code"])
            assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True)
        assert everything() == before
    assert (statuses[0], statuses[-1]) == (503, 202)
    assert codes == {"overloaded", "unavailable"}, "before it is received, and while it is"
    with closing(sqlite3.connect(workplace.settings.data_dir / "facial.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_disk_that_can_only_be_read(client, workplace, pictures, accepted, everything):
    before, url = everything(), f"/v1/recognizers/{accepted}"
    for database in (workplace.database, client.application.extensions["service"].workplace.database):
        database.close()  # with a file that is open to be written, the disk would not be changed
    with only_to_be_read(workplace.settings.data_dir):
        for route in ("/build_recognizer", "/v1/recognizers"):
            assert_refused(client.post(route, data=form(pictures)))
        assert_refused(client.delete(url))
        for route in (url, "/is_available", "/v1/readyz", "/metrics"):
            assert client.get(route).status_code in (200, 503)
    assert everything() == before
    assert client.post("/build_recognizer", data=form(pictures)).status_code == 202
