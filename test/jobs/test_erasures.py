"""Erasure that is true: killed at every step, with readers and trainings about, it ends with nothing left."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app import create_app
from constants.exceptions import BuildCancelled, Erased, NotFound
from constants.settings import Settings
from features.database import Database
from jobs.files.held_folder import held_folder, sweep_unheld
from jobs.files.storage import Storage
from jobs.processes.sweeper import Sweeper
from jobs.snapshot import snapshot
from jobs.table import builds, tasks
from jobs.table.tables import TaskKind, recognizers
from jobs.versions import erasing, erasures, forgetting
from jobs.versions.erasures import ErasureState
from jobs.work.tidying import sweep, tidy
from jobs.work.training import train_claim
from jobs.workplace import Workplace
from test.jobs.planted import plant

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]
PEOPLE = ("Ada-of-the-test", "Ben-of-the-test", "Cleo-of-the-test")
FORGOTTEN = PEOPLE[1]


@pytest.fixture
def planted(workplace):
    """A recognizer of three people that keeps its pictures."""
    return plant(workplace, PEOPLE, keep_images=True)


@pytest.fixture
def client_of():
    """A client of the web side of a workplace."""
    with ExitStack() as stack:

        def make(workplace) -> FlaskClient:
            app = create_app(workplace.settings)
            stack.callback(app.extensions["service"].close)
            return app.test_client()

        yield make


def started(workplace) -> None:
    """What a service that was started does in its first seconds."""
    tasks.release_others(workplace.database, "new")
    sweep(workplace.database, workplace.storage)
    tidy(workplace.database, workplace.storage)


def opened(data_dir) -> Workplace:
    """The workplace of a data folder that is known to be of this release, which is quicker than to look it up."""
    settings = Settings(data_dir=data_dir)
    return Workplace(settings, Database(settings.database), Storage(data_dir))


def states(workplace, recognizer) -> list[ErasureState]:
    return [erasure.state for erasure in erasures.of_recognizer(workplace.database, recognizer)]


def test_what_is_planted_is_there(planted, workplace):
    left = planted.left(workplace.storage.data_dir)
    assert len({found.partition(": ")[0] for found in left}) > 3, "in tables, pictures and bundle"
    assert not [found for found in left if "GPS" in found], "kept pictures say nothing of where they were taken"


@pytest.mark.parametrize("label", [None, FORGOTTEN], ids=["delete", "forget"])
def test_killed_at_every_step_it_is_either_not_begun_or_comes_to_its_end(planted, workplace, tmp_path, label):
    workplace.database.close()
    (tmp_path / "tmp").mkdir()
    arguments = [str(workplace.storage.data_dir), planted.recognizer_id, *([label] if label else [])]
    with (tmp_path / "log").open("wb") as log:
        said = subprocess.run(
            [sys.executable, "-m", "test.jobs.killed_erasing", *arguments],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(tmp_path / "tmp")},
            stdout=subprocess.PIPE,
            stderr=log,
            check=True,
        )
    steps = [json.loads(line) for line in said.stdout.splitlines()]
    assert len(steps) > 20 and not any(step["failed"] for step in steps)
    people, ends = (label,) if label else (), []
    for step in steps:
        here = opened(Path(step["folder"]))
        found = states(here, planted.recognizer_id)
        started(here)
        if found:
            assert set(states(here, planted.recognizer_id)) == {ErasureState.DONE}, step
            assert planted.left(here.storage.data_dir, people=people) == [], step
            if label:
                assert builds.serving(here.database, planted.recognizer_id).bundle is None
        else:
            status = builds.ready(here.database, planted.recognizer_id)
            assert status.people == PEOPLE
            assert builds.bundle(here.database, here.storage, planted.recognizer_id).is_file()
            assert len(list(here.storage.image_folder(planted.recognizer_id, 1).iterdir())) == 6
        ends.append(bool(found))
        here.database.close()
    assert ends == sorted(ends) and {*ends} == {False, True}, "one step decides"
    assert planted.left(tmp_path / "tmp") == []
    assert not [mark for marks in planted.marks.values() for mark in marks if mark in (tmp_path / "log").read_bytes()]


def test_it_is_pending_while_another_process_reads_what_was_before(planted, workplace, client_of):
    reader = sqlite3.connect(workplace.storage.data_dir / "facial.sqlite")
    with closing(reader):
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM files").fetchall()
        receipt = forgetting.forget(workplace.database, workplace.storage, planted.recognizer_id, FORGOTTEN)
        assert (receipt.erasure, receipt.erased_at) == (ErasureState.PENDING, None)
        sweep(workplace.database, workplace.storage)
        erasing.erase(workplace.database, workplace.storage, planted.recognizer_id)
        sweep(workplace.database, workplace.storage)
        assert set(states(workplace, planted.recognizer_id)) == {ErasureState.PENDING}
        with pytest.raises(Erased, match="still being erased") as pending:
            builds.status(workplace.database, planted.recognizer_id)
        assert pending.value.done_at is None
        answer = client_of(workplace).get(f"/v1/recognizers/{planted.recognizer_id}")
        assert (answer.status_code, answer.json["erasure"], answer.json["erased_at"]) == (410, "pending", None)
        assert planted.left(workplace.storage.data_dir)
    sweep(workplace.database, workplace.storage)
    assert set(states(workplace, planted.recognizer_id)) == {ErasureState.DONE}
    assert planted.left(workplace.storage.data_dir) == []
    answer = client_of(workplace).get(f"/v1/recognizers/{planted.recognizer_id}").json
    assert answer["erasure"] == "done" and answer["erased_at"] >= answer["requested_at"]
    listed = client_of(workplace).get(f"/v1/recognizers/{planted.recognizer_id}/erasures").json["erasures"]
    assert [(each["version"], each["erasure"]) for each in listed] == [(1, "done"), (None, "done")]
    assert client_of(workplace).get("/v1/recognizers/unknown/erasures").status_code == 404


def test_a_dispatcher_that_is_started_goes_on_with_it(planted, workplace, tmp_path):
    with closing(sqlite3.connect(workplace.storage.data_dir / "facial.sqlite")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM files").fetchall()
        erasing.erase(workplace.database, workplace.storage, planted.recognizer_id)
    stray = workplace.storage.incoming / "of-a-request-that-was-killed"
    stray.mkdir()
    (stray / "0").write_bytes(FORGOTTEN.encode())
    environment = os.environ | {"FACIAL_DATA_DIR": str(workplace.storage.data_dir), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "run.py", "dispatcher", "--parent", str(os.getpid())]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log) as dispatcher,
    ):
        try:
            while stray.exists() or states(workplace, planted.recognizer_id) != [ErasureState.DONE]:
                assert dispatcher.poll() is None
                time.sleep(0.05)
        finally:
            dispatcher.terminate()
            assert dispatcher.wait() == 0
    assert planted.left(workplace.storage.data_dir, tmp_path) == []


def test_it_is_pending_while_a_snapshot_holds_it(planted, workplace):
    with snapshot(workplace.database, workplace.storage):
        erasing.erase(workplace.database, workplace.storage, planted.recognizer_id)
        sweep(workplace.database, workplace.storage)
        assert states(workplace, planted.recognizer_id) == [ErasureState.PENDING]
    sweep(workplace.database, workplace.storage)
    assert states(workplace, planted.recognizer_id) == [ErasureState.DONE]


def test_it_is_pending_while_what_was_cancelled_is_still_trained(workplace):
    planted = plant(workplace, PEOPLE, ready=False)
    claim = tasks.claim(workplace.database, TaskKind.TRAIN, "train-0:a")
    with held_folder(workplace.storage.scratch, claim.token) as scratch:
        bundle = workplace.storage.begin_bundle(planted.recognizer_id, 1, claim.token)
        erasing.erase(workplace.database, workplace.storage, planted.recognizer_id)
        assert states(workplace, planted.recognizer_id) == [ErasureState.PENDING]
        for late in (scratch / "head", bundle):  # it does not know yet
            late.parent.mkdir(exist_ok=True)
            late.write_bytes(FORGOTTEN.encode())
        sweep(workplace.database, workplace.storage)
        assert scratch.exists() and states(workplace, planted.recognizer_id) == [ErasureState.PENDING]
    sweep(workplace.database, workplace.storage)
    assert states(workplace, planted.recognizer_id) == [ErasureState.DONE]
    assert planted.left(workplace.storage.data_dir) == []
    with pytest.raises(BuildCancelled):
        train_claim(workplace, claim)


def test_a_version_that_is_trained_has_its_folder_while_the_only_other_one_is_erased(workplace):
    planted = plant(workplace, PEOPLE)
    bundle = workplace.storage.begin_bundle(planted.recognizer_id, 2, "token")
    workplace.storage.erase_version(planted.recognizer_id, 1)
    bundle.write_bytes(b"trained")
    workplace.storage.give_up_bundle(bundle)
    workplace.storage.erase_unpublished(planted.recognizer_id, 2, None)
    assert not bundle.parent.exists()


def test_a_trainer_that_was_killed_while_it_wrote_leaves_nothing(workplace):
    planted = plant(workplace, PEOPLE, ready=False)
    claim = tasks.claim(workplace.database, TaskKind.TRAIN, "train-0:a")
    trainer = """
import os, signal, sys, tempfile, modelization.bundle.bundle_file as bundle_file
from pathlib import Path
from jobs.files.held_folder import held_folder, temporary_files_in
from test.jobs.planted import _manifest
bundle, scratch, token, label = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4].encode()
def die(file, members):
    file.write(label)
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
bundle_file._write_zip = die
class Manifest:
    def model_copy(self, update): return self
    def model_dump_json(self, indent): return ""
with held_folder(scratch, token) as folder, temporary_files_in(folder):
    tempfile.NamedTemporaryFile(delete=False).write(label * 9999)
    bundle_file.write_bundle(bundle, Manifest(), {"labels.json": label})
"""
    bundle = workplace.storage.begin_bundle(planted.recognizer_id, 1, claim.token)
    arguments = [str(bundle), str(workplace.storage.scratch), claim.token, FORGOTTEN]
    killed = subprocess.run([sys.executable, "-c", trainer, *arguments], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    half_written = list(bundle.parent.glob(".*.part")) + list(workplace.storage.scratch.rglob("tmp*"))
    assert len(half_written) == 2
    started(workplace)
    assert not any(file.exists() for file in half_written)
    status = builds.status(workplace.database, planted.recognizer_id)
    assert status.state == "training", "it is tried again"


def test_a_request_whose_process_was_killed_leaves_nothing(workplace, tmp_path):
    receiver = """
import os, signal, sys
from pathlib import Path
from constants.settings import Settings
from jobs.intake.intake import Intake
with Intake(Settings(data_dir=sys.argv[1]), Path(sys.argv[1]) / "incoming") as intake:
    file = intake.receive("a.jpg")
    file.write(b"half a picture")
    file.seal()
    print(flush=True)
    sys.stdin.read()
"""
    incoming = workplace.storage.incoming
    with subprocess.Popen(
        [sys.executable, "-c", receiver, str(workplace.storage.data_dir)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        with held_folder(incoming) as living:
            sweep_unheld(incoming)
            assert len(list(incoming.iterdir())) == 2
            process.kill()
            process.wait()
            sweep_unheld(incoming)
            assert list(incoming.iterdir()) == [living]
    assert not any(incoming.iterdir())


def test_pictures_without_a_build_go_and_those_being_accepted_stay(planted, workplace):
    stray = workplace.storage.image("0" * 32, 1, 0)
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"a picture")
    tidy(workplace.database, workplace.storage)
    sweep_unheld(workplace.storage.incoming)
    assert not stray.parent.parent.exists() and not any(workplace.storage.incoming.iterdir())
    assert len(list(workplace.storage.image_folder(planted.recognizer_id, 1).iterdir())) == 6


def test_a_recognizer_erases_itself_when_its_time_has_come(workplace):
    planted = plant(workplace, PEOPLE, ttl_s=3600)
    assert builds.status(workplace.database, planted.recognizer_id).expires_at is not None
    sweep(workplace.database, workplace.storage)
    assert builds.status(workplace.database, planted.recognizer_id).is_ready
    with workplace.database.write() as connection:
        connection.execute(update(recognizers).values(expires_at=recognizers.c.created_at - 1))
    sweeper = Sweeper(workplace)
    sweeper.start()
    try:
        while states(workplace, planted.recognizer_id) != [ErasureState.DONE]:
            assert sweeper.is_alive()
    finally:
        sweeper.stop()
    assert planted.left(workplace.storage.data_dir) == []
    with workplace.database.read() as connection:
        assert connection.scalar(select(recognizers.c.expires_at)) is None


def test_erasures_of_nobody(workplace):
    with pytest.raises(NotFound):
        erasures.of_recognizer(workplace.database, "0" * 32)
