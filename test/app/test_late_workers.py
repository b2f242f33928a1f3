"""Workers that come back after others took over from them, and workers that are stopped."""

import hashlib
import threading
from dataclasses import replace

import pytest
from sqlalchemy import select

from jobs.table import builds, tasks
from jobs.table.tables import TaskKind
from jobs.table.tables import builds as build_table
from jobs.work import pulse, runner
from jobs.workplace import ImmediateExecutor
from test.full_disk import full_disk

pytestmark = pytest.mark.thorough


class StallingExecutor(ImmediateExecutor):
    """Does its work, and gives the result only when it is let go on: a process that stands still at that moment."""

    def __init__(self) -> None:
        self.stalled, self.goes_on = threading.Event(), threading.Event()

    def submit(self, fn, /, *args, **kwargs):
        future = super().submit(fn, *args, **kwargs)
        self.stalled.set()
        assert self.goes_on.wait(120)
        return future


@pytest.fixture
def stalled(client, people, workplace):
    """A recognizer's id, and a train worker that stands still after it wrote the bundle, its lease run out."""
    recognizer = client.post("/build_recognizer", data={"images": people.files()}).json["id"]
    runner.run(workplace, tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a"))
    runner.run(workplace, tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a"))
    late = replace(workplace, executor=StallingExecutor())
    claim = tasks.claim(workplace.database, TaskKind.TRAIN, "train-0:late")
    worker = threading.Thread(target=runner.run, args=(late, claim))
    worker.start()
    assert late.executor.stalled.wait(120)
    tasks.expire(workplace.database, {claim.token})
    yield recognizer, worker, late.executor
    late.executor.goes_on.set()
    worker.join(120)


def test_a_late_trainer_leaves_its_successors_recognizer(client, finish, stalled, workplace):
    recognizer, worker, late = stalled
    finish()
    before = client.get(f"/download_recognizer?id={recognizer}").data
    late.goes_on.set()
    worker.join(120)
    assert client.get(f"/download_recognizer?id={recognizer}").data == before
    published = builds.ready(workplace.database, recognizer).bundle
    assert {path.name.partition(".")[0] for path in (workplace.storage.bundles / recognizer).iterdir()} == {
        published.partition(".")[0]
    }
    with workplace.database.read() as connection:
        written = connection.scalar(select(build_table.c.bundle_sha256))
    assert written == hashlib.sha256(before).hexdigest()


def test_a_late_trainer_of_a_deleted_recognizer_leaves_nothing(client, stalled, workplace):
    recognizer, worker, late = stalled
    assert client.delete(f"/v1/recognizers/{recognizer}").status_code == 204
    late.goes_on.set()
    worker.join(120)
    assert not any(workplace.storage.bundles.rglob("[0-9]*.*"))
    assert client.get(f"/is_available?id={recognizer}").status_code == 410


class StopsAtReport(pulse.Pulse):
    """The pulse of a worker that is told to stop once it has said how far it is so many times."""

    def __init__(self, reports: int) -> None:
        super().__init__()
        self._left = reports

    def begin(self, limit_s: float) -> None:
        self._left -= 1
        if self._left <= 0:
            self.stop()


def test_a_search_that_is_stopped_in_order_ten_times_ends_ready(client, people, workplace, monkeypatch, finish):
    data = {"images": people.files(2, 4), "optimize": "1", "generations": "4", "population": "4", "max_layers": "1"}
    recognizer = client.post("/build_recognizer", data=data).json["id"]
    runner.run(workplace, tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a"))
    stopped = 0
    for reports in (1, 2, 3, 1, 2, 3, 1, 2, 3, 4):
        monkeypatch.setattr(pulse, "own", StopsAtReport(reports))
        assert runner.run(workplace, tasks.claim(workplace.database, TaskKind.TRAIN, "train-0:a"))
        stopped += pulse.own.is_stopping
        tasks.release(workplace.database, "train-0", tasks.Ending.STOPPED)
    assert stopped == 10
    monkeypatch.setattr(pulse, "own", pulse.Pulse())
    finish()
    assert client.get(f"/is_available?id={recognizer}").json["state"] == "ready"


def test_a_fault_of_the_machine_counts_against_nobody_and_keeps_the_pictures(client, people, workplace, finish):
    """A disk that is full is a limit on files here: writes beyond it fail, as they would."""
    recognizer = client.post("/build_recognizer", data={"images": people.files()}).json["id"]
    claim = tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a")
    with full_disk():
        assert not runner.run(workplace, claim)
    assert len([path for path in workplace.storage.images.rglob("*") if path.is_file()]) == 12
    tasks.release(workplace.database, "encode-0", tasks.Ending.TROUBLED)
    finish()
    assert client.get(f"/is_available?id={recognizer}").json["message"] == "ready: 3 people from 12 faces"
