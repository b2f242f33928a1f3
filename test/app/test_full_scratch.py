"""A training whose disk fills while the database, on another one, has room."""

import subprocess
import tempfile
from contextlib import ExitStack

import pytest
from sqlalchemy import select

from constants.settings import Settings
from jobs.table import tasks
from jobs.table.tables import TaskKind
from jobs.table.tables import tasks as task_table
from jobs.work import runner
from modelization.bundle import head_forms
from test.app.test_full_disk import filled, small_disk

pytestmark = pytest.mark.thorough

#: Bytes of the disk: nearly full, and with room for a bundle.
SMALL, LARGE = 16 << 20, 256 << 20


@pytest.fixture
def service_settings(tmp_path, monkeypatch):
    monkeypatch.setattr("jobs.table.admission._RESERVED_BYTES", 0)
    with small_disk(tmp_path / "data", SMALL) as folder:
        yield Settings(data_dir=folder, database_url=f"sqlite:///{tmp_path / 'facial.sqlite'}")


def test_what_fails_for_want_of_room_is_tried_again(client, people, workplace, finish, monkeypatch):
    """TensorFlow goes on without a file that it cannot write, and then fails of an error that says nothing of it."""
    recognizer = client.post("/build_recognizer", data={"images": people.files()}).json["id"]
    while claim := tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a"):
        runner.run(workplace, claim)
    folder, export = workplace.settings.data_dir, head_forms.tflite_file
    with monkeypatch.context() as patched, ExitStack() as stack:

        def export_while_it_fills(model: object) -> bytes:
            stack.enter_context(filled(folder, 0))
            return export(model)

        patched.setattr(tempfile, "tempdir", str(folder))
        patched.setattr(head_forms, "tflite_file", export_while_it_fills)
        assert not runner.run(workplace, tasks.claim(workplace.database, TaskKind.TRAIN, "train-0:a"))
    tasks.release(workplace.database, "train-0", tasks.Ending.TROUBLED)
    with workplace.database.read() as connection:
        assert connection.scalars(select(task_table.c.attempts)).all() == [0]
    subprocess.run(["mount", "-o", f"remount,size={LARGE}", folder], check=True)
    finish()
    assert client.get(f"/is_available?id={recognizer}").json["state"] == "ready"
