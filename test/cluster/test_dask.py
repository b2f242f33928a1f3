"""Pictures encoded by a real Dask cluster, whose workers and scheduler end while they are at work."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from distributed import Client
from sqlalchemy import select

from bench.running_cluster import RunningCluster, wait_until_joined
from constants.exceptions import InvalidSettings, MachineFault, StageLost
from constants.reasons import Reason
from constants.release import VERSION
from features.features_json import to_json
from jobs.table.tables import TaskKind
from jobs.table.tables import tasks as table
from jobs.work import cluster_executor, cluster_stages, runner, stages
from jobs.work.cluster import Cluster
from jobs.work.cluster_executor import ClusterExecutor
from preprocessor.version import pipeline_version
from test.cluster import odd_stages
from test.jobs.test_tasks import submit
from test.portraits import first_of_each
from test.preprocessor.test_video import RATE, write
from test.service.running import ROOT, running, wait_for
from test.service.test_starting import refused, start

pytestmark = pytest.mark.thorough

#: A release that is not this one.
OTHER = "0.0.9"


@pytest.fixture
def database_url() -> str:
    """SQLite: a cluster needs no other database."""
    return ""


@pytest.fixture
def cluster_folder(tmp_path, graphs) -> Path:
    """Where a cluster's workers keep what they make: the networks' graphs, which are there already."""
    folder = tmp_path / "cluster"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "graphs").symlink_to(graphs)
    return folder


@pytest.fixture
def make_cluster(cluster_folder) -> Iterator[Callable[[int], RunningCluster]]:
    made = RunningCluster(cluster_folder)

    def make(workers: int) -> RunningCluster:
        made.start()
        for _ in range(workers):
            made.add_worker()
        joined(made, workers)
        return made

    yield make
    made.stop()


def joined(running: RunningCluster, workers: int) -> None:
    wait_until_joined(Cluster(running.address), workers)


@contextmanager
def looked_at(running: RunningCluster) -> Iterator[Cluster]:
    cluster = Cluster(running.address)
    cluster.look(60)
    try:
        yield cluster
    finally:
        cluster.close()


@contextmanager
def sending(workplace, running: RunningCluster) -> Iterator[subprocess.Popen[bytes]]:
    """The process that sends to the cluster, alone, once it has found a worker."""
    own = {"FACIAL_DATA_DIR": str(workplace.settings.data_dir), "FACIAL_CLUSTER": running.address}
    log = running.folder / "sender.log"
    with log.open("ab") as written:
        process = subprocess.Popen([sys.executable, "run.py", "sender"], cwd=ROOT, env=os.environ | own, stderr=written)
    try:
        wait_for(lambda: "workers: 1" in log.read_text(), "the worker to be found")
        yield process
    finally:
        process.kill()
        process.wait()


def stall(workplace, running: RunningCluster) -> None:
    """Let the one worker stand still with three pictures."""
    running.workers[0].send_signal(signal.SIGSTOP)
    submit(workplace, 3)
    with Client(running.address, set_as_default=False) as client:
        wait_for(lambda: any(client.processing().values()), "the pictures to be sent")
    assert is_sent(workplace)


def counted(workplace) -> list[tuple[str, str, int, int, bool]]:
    """Of each task its kind, state, attempts and interruptions, and whether the machine was at fault."""
    with workplace.database.read() as connection:
        rows = connection.execute(select(table).order_by(table.c.id)).all()
    return [(row.kind, row.state, row.attempts, row.interruptions, row.troubles > 0) for row in rows]


def is_sent(workplace) -> bool:
    return {row[1] for row in counted(workplace)} == {"leased"}


def is_encoded(workplace) -> bool:
    return [row[0] for row in counted(workplace)] == [TaskKind.TRAIN]


def encode(executor, images, settings):
    return executor.submit(stages.encode, images, settings).result()


def plain(found: list) -> list:
    return [image if isinstance(image, Reason) else to_json(image) for image in found]


def test_what_the_cluster_encodes_is_the_same_to_the_last_bit(
    make_cluster, service_settings, portrait_files, tmp_path, monkeypatch
):
    (tmp_path / "cut.jpg").write_bytes(portrait_files(1)[0].read_bytes()[:200])
    pictures = [*portrait_files(6), tmp_path / "cut.jpg"]
    here = plain(stages.encode(pictures, service_settings))
    assert sum(bool(image["faces"]) for image in here if isinstance(image, dict)) >= 4
    with looked_at(make_cluster(1)) as cluster:
        assert plain(encode(ClusterExecutor(cluster), pictures, service_settings)) == here
        monkeypatch.setattr(cluster_executor, "_MESSAGE", 1)
        assert plain(encode(ClusterExecutor(cluster), pictures, service_settings)) == here, (
            "each in a message of its own"
        )
        monkeypatch.setattr(cluster_executor, "_LARGEST", 100)
        with pytest.raises(StageLost, match="too large"):
            encode(ClusterExecutor(cluster), pictures, service_settings)


def test_a_video_is_taken_apart_there_as_it_is_here(make_cluster, tmp_path, astronaut):
    frames = [
        np.ascontiguousarray(astronaut[10 * i : 10 * i + 240, 90:350, ::-1]) for i in range(3) for _ in range(RATE // 2)
    ]
    clip = write(tmp_path / "clip.mp4", frames)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(clip.read_bytes()[:600])
    with looked_at(make_cluster(1)) as cluster:
        executor = ClusterExecutor(cluster)
        found = executor.submit(stages.take_apart, clip).result()
        assert found == stages.take_apart(clip)
        assert len(found) > 1
        assert executor.submit(stages.take_apart, damaged).result() == Reason.DAMAGED_VIDEO
        assert executor.submit(len, "what it does not know").result() == 21, "done here"


def test_a_step_that_takes_too_long_ends_its_worker(make_cluster, service_settings, portrait_files):
    pictures = [path.read_bytes() for path in portrait_files(2)]
    with looked_at(make_cluster(1)) as cluster:
        version = pipeline_version(service_settings)
        with pytest.raises(StageLost):
            cluster.run(cluster_stages.encode, version, True, 0.001, pictures)
        wait_for(lambda: cluster.look() or not cluster.workers, "the worker to be missed")
        with pytest.raises(MachineFault, match="No worker"):
            cluster.run(cluster_stages.encode, version, True, None, pictures)


def test_what_a_stage_meets_comes_back_without_its_words(make_cluster, service_settings):
    with looked_at(make_cluster(1)) as cluster:
        with pytest.raises(StageLost, match="ended by ValueError"):
            cluster.run(cluster_stages.encode, "9.no.such.pipeline", True, None, [b"a picture"])
        with pytest.raises(StageLost):
            cluster.run(odd_stages.unpickled, str(service_settings.data_dir / "unpickled"))
    assert not (service_settings.data_dir / "unpickled").exists(), "answers are never unpickled"


def test_a_worker_that_is_killed_charges_no_picture_and_others_are_given_them(make_cluster, workplace):
    running = make_cluster(1)
    with sending(workplace, running):
        stall(workplace, running)
        running.workers[0].kill()
        wait_for(lambda: not is_sent(workplace), "them to be given back")
        assert counted(workplace) == [(TaskKind.ENCODE, "queued", 0, 1, False)] * 3
        running.add_worker()
        joined(running, 1)
        submit(workplace, 1)
        wait_for(lambda: len(counted(workplace)) == 4 and counted(workplace)[-1][0] == TaskKind.TRAIN, "another build")
        assert counted(workplace)[:3] == [(TaskKind.ENCODE, "queued", 0, 1, False)] * 3, "left to the watched workers"
    while claim := runner.tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a"):
        runner.run(workplace, claim)
    assert [row[0] for row in counted(workplace)] == [TaskKind.TRAIN] * 2


def test_pictures_of_a_scheduler_that_is_killed_are_encoded_once_it_is_back(make_cluster, workplace):
    running = make_cluster(1)
    with sending(workplace, running):
        stall(workplace, running)
        running.stop()
        wait_for(lambda: not is_sent(workplace), "them to be given back")
        assert counted(workplace) == [(TaskKind.ENCODE, "queued", 0, 0, True)] * 3
        running.start()
        running.add_worker()
        wait_for(lambda: is_encoded(workplace), "the cluster to encode")


def test_who_is_stopped_gives_back_what_was_sent(make_cluster, workplace):
    running = make_cluster(1)
    with sending(workplace, running) as process:
        stall(workplace, running)
        process.terminate()
        assert process.wait(60) == 0
    assert counted(workplace) == [(TaskKind.ENCODE, "queued", 0, 0, False)] * 3


def other_release(folder: Path) -> Path:
    """This project's code as another release has it."""
    for path in ROOT.iterdir():
        if path.is_dir() and not path.name.startswith(".") and path.name != "constants":
            (folder / path.name).symlink_to(path)
    shutil.copytree(ROOT / "constants", folder / "constants", ignore=shutil.ignore_patterns("__pycache__"))
    release = folder / "constants" / "release.py"
    release.write_text(release.read_text().replace(VERSION, OTHER))
    return folder


def test_a_worker_of_another_release_is_named_and_given_nothing(make_cluster, service_settings, tmp_path):
    running = make_cluster(1)
    (tmp_path / "other").mkdir()
    running.add_worker(other_release(tmp_path / "other"))
    running.add_worker(threads=2)
    with looked_at(running) as cluster:
        wait_for(lambda: cluster.look() or len(cluster.refusals) == 2, "the others to join")
        assert len(cluster.workers) == 1
        said = "\n".join(cluster.refusals)
        assert (
            f"has the release {OTHER} (pipeline 1), and here is {VERSION} (pipeline 1): install {VERSION} there" in said
        )
        assert "has 2 threads: start it with --nthreads 1." in said
        for _ in range(8):
            assert len(encode(ClusterExecutor(cluster), [b"no picture"], service_settings)) == 1
    refused(start(service_settings.data_dir, FACIAL_CLUSTER=running.address), f"has the release {OTHER}")


def test_a_scheduler_without_this_service_is_named(cluster_folder, tmp_path):
    running = RunningCluster(cluster_folder)
    try:
        running.start(tmp_path)
        running.add_worker()
        with looked_at(running) as cluster:
            wait_for(lambda: cluster.look() or cluster.refusals, "the worker to join")
            assert f"or its scheduler, has no release of this service: install {VERSION} there" in cluster.refusals[0]
    finally:
        running.stop()


def test_without_dask_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InvalidSettings, match="pip install 'distributed>="):
        Cluster("tcp://127.0.0.1:8786")


def test_a_stage_that_another_release_asks_for_is_not_run():
    assert cluster_stages.encode(OTHER, "1.every.landmarks5.resnet.views2", True, None, []) == [
        b'{"error": "OtherRelease"}'
    ]


def test_the_service_goes_on_without_its_cluster(tmp_path, make_cluster, gallery):
    pictures, log = first_of_each(gallery, people=2, pictures=1), tmp_path / "log"
    cluster = make_cluster(1)
    settings = {"FACIAL_CLUSTER": cluster.address, "FACIAL_ENCODE_WORKERS": "1"}
    with running(tmp_path / "data", log, **settings) as service:
        wait_for(lambda: "scheduler is there, workers: 1" in log.read_text(), "the cluster to be found")
        cluster.stop()
        wait_for(lambda: "scheduler is away" in log.read_text(), "it to be missed")
        _, accepted = service.post("/build_recognizer", "images", pictures, dry_run="1")
        wait_for(lambda: service.get(f"/is_available?id={accepted['id']}")[1]["state"] == "examined", "the build")
        service.stop()
    assert "Traceback" not in log.read_text()
