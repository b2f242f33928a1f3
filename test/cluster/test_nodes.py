"""Several nodes on one PostgreSQL: what one holds is not another's, until it is heard of no more."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import zmq
from sqlalchemy import update

from app import create_app
from constants.exceptions import Elsewhere
from constants.settings import Settings
from jobs.processes import messages
from jobs.processes.messages import Message
from jobs.processes.node_watch import NodeWatch
from jobs.processes.sockets import address
from jobs.table import builds, nodes, tasks
from jobs.table.admission import Admission
from jobs.table.build_options import BuildOptions
from jobs.table.tables import TaskKind, TaskState, recognizers
from jobs.table.tasks import ENCODE_BATCH, Ending
from jobs.versions import erasing
from jobs.versions.erasures import ErasureState, of_recognizer
from jobs.work.tidying import sweep
from jobs.workplace import Workplace
from test.jobs.test_tasks import count, counted, finish, held, submit, uploads

pytestmark = pytest.mark.thorough

#: Seconds after which something that should happen is taken as not happening.
PATIENCE_S = 300


@pytest.fixture
def two(workplace, tmp_path) -> Iterator[tuple[Workplace, Workplace]]:
    """Two nodes on one database."""
    other = Workplace.of(workplace.settings.model_copy(update={"data_dir": tmp_path / "other"}))
    yield workplace, other
    other.database.close()


def claim(node: Workplace, kind: TaskKind = TaskKind.ENCODE, worker: str = "encode-0:run:1") -> tasks.Claim | None:
    return tasks.claim(node.database, kind, worker, node=node.node)


def accept(node: Workplace, pictures: int = 2) -> str:
    """A recognizer whose files are in a node's own data folder."""
    sent = uploads(node.storage, pictures)
    return builds.submit(node.database, node.storage, sent, BuildOptions(), Admission(100, node=node.home))


def test_a_node_is_known_by_its_data_folder(two):
    one, other = two
    again = Workplace.of(one.settings)
    assert one.node == again.node != other.node
    again.database.close()


def test_slots_of_the_same_name_are_each_its_nodes_own(two):
    one, other = two
    submit(one, 2 * ENCODE_BATCH)
    mine, theirs = claim(one), claim(other)
    assert not {*held(one, mine)} & {*held(one, theirs)}
    tasks.release(one.database, "encode-0", Ending.INTERRUPTED, node=one.node)
    assert held(one, theirs) and not held(one, mine)


@pytest.mark.parametrize(
    "restart",
    [
        lambda node: tasks.release_others(node.database, "new", node.node),
        lambda node: tasks.release_nodes(node.database, {node.node}, Ending.STOPPED),
    ],
)
def test_a_node_that_is_started_again_takes_back_only_its_own(two, restart):
    one, other = two
    submit(one, 2 * ENCODE_BATCH)
    mine, theirs = claim(one), claim(other)
    restart(one)
    assert finish(other, theirs)
    assert not finish(one, mine)
    assert count(one, TaskState.QUEUED) == ENCODE_BATCH


class Watched:
    """Nodes that look for each other every second, by a clock that the test moves."""

    def __init__(self, *nodes: Workplace) -> None:
        self.now = 1000.0
        self._watches = {node.node: (NodeWatch(15.0, lambda: self.now), node) for node in nodes}

    def go_on(self, seconds: int, *living: Workplace) -> None:
        for _ in range(seconds):
            self.now += 1
            for node in living:
                watch, workplace = self._watches[node.node]
                watch.turn(workplace)


def test_what_a_dead_node_held_goes_to_a_living_one_and_is_no_attempt(two):
    dead, living = two
    submit(dead, 2)
    watched = Watched(dead, living)
    watched.go_on(40, dead, living)
    late = claim(dead)
    watched.go_on(40, dead, living)
    assert claim(living) is None, "it is being done"
    watched.go_on(14, living)
    assert claim(living) is None, "it may yet be heard of"
    watched.go_on(3, living)
    assert {attempts for attempts, _, _ in counted(living)} == {0}
    assert not finish(dead, late), "it was given up"
    while again := claim(living):
        assert finish(living, again)
    assert claim(dead, TaskKind.TRAIN) is not None, "one that comes back goes on"


def test_nobody_is_given_up_because_the_database_was_away(two):
    one, other = two
    submit(one, 2)
    watched = Watched(one, other)
    watched.go_on(5, one, other)
    mine = claim(one)
    watched.go_on(5, one, other)
    watched.now += 60
    watched.go_on(1, other)
    assert finish(one, mine)


def test_what_is_in_one_nodes_folder_is_done_there_alone(two):
    one, other = two
    recognizer = accept(one)
    assert claim(other) is None
    nodes.beat(one.database, one.node, "first.example")
    nodes.require_within_reach(one.database, recognizer, one.node)
    with pytest.raises(Elsewhere, match=r"first\.example"):
        nodes.require_within_reach(one.database, recognizer, other.node)
    assert finish(one, claim(one))
    assert claim(other, TaskKind.TRAIN) is None
    assert claim(one, TaskKind.TRAIN) is not None


def test_a_node_says_who_keeps_what_it_does_not(two):
    one, other = two
    recognizer = accept(one)
    nodes.beat(one.database, one.node, "first.example")
    answers = {}
    for node in two:
        application = create_app(node.settings)
        client = application.test_client()
        for path in (f"/v1/recognizers/{recognizer}", f"/is_available?id={recognizer}", f"/recognizers/{recognizer}"):
            answers[node.node, path] = client.get(path)
        listed = client.get("/v1/recognizers").json["recognizers"]
        assert [found["id"] for found in listed] == [recognizer]
        application.extensions["service"].close()
    assert {answer.status_code for (node, _), answer in answers.items() if node == one.node} == {200}
    refused = [answer for (node, _), answer in answers.items() if node == other.node]
    assert [answer.status_code for answer in refused] == [421] * 3
    assert all("first.example" in answer.text for answer in refused)


def test_what_was_deleted_is_gone_once_the_node_that_had_it_says_so(two):
    one, other = two
    recognizer = accept(one)
    erasing.erase(other.database, other.storage, recognizer)
    sweep(other.database, other.storage)
    assert [erasure.state for erasure in of_recognizer(one.database, recognizer)] == [ErasureState.PENDING]
    assert one.storage.has_any(recognizer)
    sweep(one.database, one.storage)
    assert [erasure.state for erasure in of_recognizer(one.database, recognizer)] == [ErasureState.DONE]
    assert not one.storage.has_any(recognizer)


def test_each_node_erases_what_is_its_own_when_its_time_has_come(two):
    one, other = two
    recognizer = accept(one)
    with one.database.write() as connection:
        connection.execute(update(recognizers).values(expires_at=1.0))
    sweep(other.database, other.storage)
    assert builds.status(one.database, recognizer)
    sweep(one.database, one.storage)
    assert not one.storage.has_any(recognizer)


@contextmanager
def dispatcher_of(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A node's dispatcher as a process of its own."""
    environment = {"FACIAL_DATA_DIR": str(settings.data_dir), "FACIAL_DATABASE_URL": settings.database_url}
    command = [sys.executable, str(Path(__file__).parents[2] / "run.py"), "dispatcher", "--parent", str(os.getpid())]
    process = subprocess.Popen(command, env=os.environ | environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class FreeWorker:
    """A worker that says again and again to its node's dispatcher that it is free."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", settings: Settings) -> None:
        self._socket = context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.connect(address(settings.data_dir, "workers"))

    def hear(self, wait_s: int = PATIENCE_S) -> Message | None:
        """What it is handed; ``None`` where nothing comes."""
        ready = {"kind": TaskKind.ENCODE, "slot": "encode-0", "worker": "encode-0:x:1", "done": "", "troubled": False}
        for _ in range(wait_s):
            self._socket.send_multipart(Message(messages.READY, ready).frames())
            if self._socket.poll(1000):
                return Message.from_frames(self._socket.recv_multipart())
        return None

    def close(self) -> None:
        self._socket.close()


def test_a_dispatcher_that_is_killed_leaves_its_work_to_that_of_another_node(two):
    one, other = two
    submit(one, 2)
    with zmq.Context() as context, dispatcher_of(one.settings) as dying, dispatcher_of(other.settings):
        with closing(FreeWorker(context, one.settings)) as worker:
            taken = worker.hear()
        assert taken is not None and taken.kind == messages.WORK
        with closing(FreeWorker(context, other.settings)) as worker:
            assert worker.hear(wait_s=3) is None
            dying.send_signal(signal.SIGKILL)
            handed_on = worker.hear()
        assert handed_on is not None and handed_on.kind == messages.WORK
        assert handed_on.header["token"] != taken.header["token"]
    assert {attempts for attempts, _, _ in counted(one)} == {0}
