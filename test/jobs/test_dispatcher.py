"""The dispatcher, over real ZeroMQ sockets and a real database; the workers are played by the test."""

import sqlite3
import time
from contextlib import closing

import pytest
import zmq

from jobs.processes import messages
from jobs.processes.dispatcher import MAX_WAITING_RECOGNITIONS, RECOGNITION_ATTEMPTS, Dispatcher
from jobs.processes.messages import Message
from jobs.table import tasks
from jobs.table.tables import TaskKind
from jobs.table.tasks import MAX_ATTEMPTS, Ending
from test.jobs.test_tasks import claim, counted, held, submit


class Peer:
    """A client or a worker at the other end of a socket."""

    def __init__(self, context, address):
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(address)
        self.done = ""

    def say(self, kind, header=None, *buffers):
        self.socket.send_multipart(Message(kind, header or {}, buffers).frames())

    def ready(self, slot="encode-0", worker="encode-0:a", kind=TaskKind.ENCODE, troubled=False):
        ready = {"kind": kind, "slot": slot, "worker": worker, "done": self.done, "troubled": troubled}
        self.say(messages.READY, ready)

    def watched(self, worker="encode-0:a", alive=True, ending=Ending.STOPPED, slot="encode-0"):
        """What the supervisor says of a slot."""
        self.say(messages.WATCHED, {"slots": {slot: {"worker": worker, "alive": alive, "ending": ending}}})

    def hear(self, dispatcher, wait_s=5.0):
        """The next message, the dispatcher turning meanwhile; ``None`` where none comes."""
        until = time.monotonic() + wait_s
        while time.monotonic() < until:
            dispatcher.turn(10)
            if self.socket.poll(0):
                heard = Message.from_frames(self.socket.recv_multipart())
                self.done = heard.header.get("ticket", "")
                return heard
        return None

    def hears_nothing(self, dispatcher):
        return self.hear(dispatcher, 0.2) is None


@pytest.fixture
def place(workplace):
    """A dispatcher, and how to come to it as a client and as a worker."""
    with zmq.Context() as context:
        sockets = [context.socket(zmq.ROUTER) for _ in range(2)]
        for socket, side in zip(sockets, ("clients", "workers"), strict=True):
            socket.linger = 0
            socket.bind(f"inproc://{side}")
        peers = []

        def peer(side):
            peers.append(Peer(context, f"inproc://{side}"))
            return peers[-1]

        yield Dispatcher(workplace, *sockets), lambda: peer("clients"), lambda: peer("workers")
        for socket in [*sockets, *(one.socket for one in peers)]:
            socket.close()


def test_a_ready_worker_gets_a_claim_and_a_busy_one_nothing(place, workplace):
    dispatcher, _, worker = place
    submit(workplace, 20)
    encoder = worker()
    encoder.ready()
    assert encoder.hear(dispatcher).kind == messages.WORK
    assert encoder.hears_nothing(dispatcher)
    encoder.ready()
    assert encoder.hear(dispatcher).kind == messages.WORK


def test_a_late_word_of_readiness_gives_no_second_claim(place, workplace):
    dispatcher, _, worker = place
    submit(workplace, 20)
    encoder = worker()
    encoder.ready()
    encoder.ready()  # said again before the claim arrived
    assert encoder.hear(dispatcher).kind == messages.WORK
    assert encoder.hears_nothing(dispatcher)


def test_work_that_comes_later_finds_the_waiting_worker(place, workplace):
    dispatcher, client, worker = place
    encoder = worker()
    encoder.ready()
    assert encoder.hears_nothing(dispatcher)
    submit(workplace, 2)
    client().say(messages.WAKE)
    assert encoder.hear(dispatcher).kind == messages.WORK


def test_a_recognition_goes_before_claims_and_its_answer_to_the_one_who_asked(place, workplace):
    dispatcher, client, worker = place
    submit(workplace, 2)
    asking, other = client(), client()
    other.say(messages.PING, {"request": 1})
    assert other.hear(dispatcher).kind == messages.PONG
    asking.say(messages.RECOGNIZE, {"request": 7}, b"photo")
    assert asking.hears_nothing(dispatcher)
    encoder = worker()
    encoder.ready()
    asked = encoder.hear(dispatcher)
    assert (asked.kind, asked.buffers) == (messages.RECOGNIZE, (b"photo",))
    encoder.say(messages.RECOGNIZED, {"images": [1], "ticket": "of what was sent before"})
    encoder.say(messages.RECOGNIZED, {"images": [], "ticket": encoder.done})
    answer = asking.hear(dispatcher)
    assert (answer.kind, answer.header["images"], answer.header["request"]) == (messages.RECOGNIZED, [], 7)
    assert other.hears_nothing(dispatcher)


def test_a_recognition_whose_client_has_gone_is_dropped_and_no_other(place):
    dispatcher, client, worker = place
    gone, staying = client(), client()
    for number in (1, 2):
        gone.say(messages.RECOGNIZE, {"request": number}, b"photo of one who left")
    staying.say(messages.RECOGNIZE, {"request": 1}, b"photo")
    gone.say(messages.CANCEL, {"request": 1})
    assert gone.hears_nothing(dispatcher)
    encoder = worker()
    heard = []
    for _ in range(2):
        encoder.ready()
        heard.append(encoder.hear(dispatcher))
    encoder.ready()
    assert encoder.hears_nothing(dispatcher)
    assert sorted(asked.buffers[0] for asked in heard) == [b"photo", b"photo of one who left"]


def test_a_train_worker_gets_no_recognition(place):
    dispatcher, client, worker = place
    trainer = worker()
    trainer.ready("train-0", "train-0:a", TaskKind.TRAIN)
    client().say(messages.RECOGNIZE, {"request": 1}, b"photo")
    assert trainer.hears_nothing(dispatcher)


@pytest.mark.parametrize(
    ("ending", "answer"), [(Ending.FAILED, messages.RECOGNIZED), (Ending.INTERRUPTED, messages.BUSY)]
)
def test_a_recognition_whose_worker_died_goes_to_its_successor_and_is_given_up_in_the_end(place, ending, answer):
    dispatcher, client, worker = place
    asking = client()
    asking.say(messages.RECOGNIZE, {"request": 7}, b"photo")
    for life in range(RECOGNITION_ATTEMPTS):
        reborn = worker()
        reborn.watched(f"encode-0:{life}", ending=ending)
        reborn.ready(worker=f"encode-0:{life}")
        assert reborn.hear(dispatcher).kind == messages.RECOGNIZE
    worker().watched("encode-0:last", ending=ending)
    heard = asking.hear(dispatcher)
    assert (heard.kind, "error" in heard.header) == (answer, ending == Ending.FAILED)


def test_the_claim_of_a_worker_that_died_goes_to_its_successor(place, workplace):
    dispatcher, _, worker = place
    submit(workplace, 2)
    first, second = worker(), worker()
    first.ready(worker="encode-0:first")
    assert first.hear(dispatcher).kind == messages.WORK
    second.ready(worker="encode-0:second")
    assert second.hear(dispatcher).kind == messages.WORK


@pytest.mark.parametrize(
    ("ending", "counts"),
    [(Ending.STOPPED, (0, 0, 0)), (Ending.INTERRUPTED, (0, 1, 0)), (Ending.FAILED, (1, 0, 0))],
)
def test_what_a_worker_held_is_free_as_soon_as_the_supervisor_tells_of_its_end(place, workplace, ending, counts):
    dispatcher, _, worker = place
    submit(workplace, 1)
    encoder, supervisor = worker(), worker()
    supervisor.watched()
    encoder.ready()
    assert encoder.hear(dispatcher).kind == messages.WORK
    supervisor.watched(worker="", alive=False, ending=ending)
    assert supervisor.hears_nothing(dispatcher)
    assert counted(workplace) == [counts]
    assert tasks.leases(workplace.database) == set()
    supervisor.watched(worker="", alive=False, ending=ending)  # said again and again
    assert supervisor.hears_nothing(dispatcher)
    assert counted(workplace) == [counts]


def test_a_word_about_a_predecessor_takes_nothing_from_its_successor(place, workplace):
    dispatcher, _, worker = place
    submit(workplace, 2)
    encoder, supervisor = worker(), worker()
    supervisor.watched(worker="encode-0:old")
    assert supervisor.hears_nothing(dispatcher)
    encoder.ready(worker="encode-0:new")
    assert encoder.hear(dispatcher).kind == messages.WORK
    supervisor.watched(worker="encode-0:new", ending=Ending.FAILED)
    assert supervisor.hears_nothing(dispatcher)
    assert len(tasks.leases(workplace.database)) == 1


def test_an_idle_worker_frees_what_was_claimed_for_it_by_a_dispatcher_that_ended_before_it_was_sent(place, workplace):
    dispatcher, _, worker = place
    submit(workplace, 2)
    lost = claim(workplace, worker="encode-0:a")
    encoder = worker()
    encoder.ready(worker="encode-0:a")
    again = encoder.hear(dispatcher)
    assert again.kind == messages.WORK and again.header["token"] != lost.token
    assert held(workplace, lost) == []


def test_a_worker_that_received_more_from_a_dispatcher_that_ended_is_not_forgotten(place, workplace):
    dispatcher, _, worker = place
    encoder = worker()
    encoder.ready()
    assert encoder.hears_nothing(dispatcher)
    encoder.done = "sent by the dispatcher before"  # and received after it said that it is ready
    submit(workplace, 2)
    dispatcher.look()
    encoder.ready()
    assert encoder.hear(dispatcher).kind == messages.WORK


def test_only_workers_that_prove_to_live_are_counted(place):
    dispatcher, client, worker = place
    asking, encoder, supervisor = client(), worker(), worker()

    def counts() -> int:
        asking.say(messages.PING, {"request": 1})
        return asking.hear(dispatcher).header["workers"][TaskKind.ENCODE]

    encoder.ready()
    assert encoder.hears_nothing(dispatcher)
    assert counts() == 0, "it said that it is ready, some time ago"
    supervisor.watched(alive=True)
    assert supervisor.hears_nothing(dispatcher)
    assert counts() == 1
    supervisor.watched(alive=False)
    assert supervisor.hears_nothing(dispatcher)
    assert counts() == 0


def test_after_a_fault_of_the_machine_work_is_handed_out_again_later_and_nothing_counts_against_it(place, workplace):
    dispatcher, _, worker = place
    submit(workplace, 2)
    encoder = worker()
    for _ in range(MAX_ATTEMPTS + 1):
        encoder.ready(troubled=True)
        assert encoder.hear(dispatcher, 20.0).kind == messages.WORK
    assert counted(workplace) == [(0, 0, MAX_ATTEMPTS)] * 2


def test_a_locked_table_stops_nothing_but_what_needs_it(place, workplace):
    dispatcher, client, worker = place
    encoder, asking = worker(), client()
    dispatcher.workplace.database.close()
    dispatcher.workplace = type(workplace).of(workplace.settings, patience_s=0.05)
    with closing(sqlite3.connect(workplace.settings.data_dir / "facial.sqlite")) as other:
        submit(workplace, 2)
        other.execute("BEGIN IMMEDIATE")
        encoder.ready()
        assert encoder.hears_nothing(dispatcher)
        dispatcher.sweep()
        asking.say(messages.RECOGNIZE, {"request": 7}, b"photo")
        assert encoder.hear(dispatcher).kind == messages.RECOGNIZE
        other.rollback()
    encoder.ready()
    assert encoder.hear(dispatcher).kind == messages.WORK
    dispatcher.workplace.database.close()


def test_more_recognitions_than_can_wait_are_told_to_come_back(place):
    dispatcher, client, _ = place
    asking = client()
    for number in range(MAX_WAITING_RECOGNITIONS + 1):
        asking.say(messages.RECOGNIZE, {"request": number}, b"photo")
    answer = asking.hear(dispatcher)
    assert (answer.kind, answer.header) == (messages.BUSY, {"request": MAX_WAITING_RECOGNITIONS})


def test_a_dispatcher_that_restarted_goes_on_with_workers_that_did_not(workplace):
    with zmq.Context() as context:
        for life in range(2):
            # An address of its own: a closed socket gives its own back a moment later.
            address = f"inproc://workers-{life}"
            with context.socket(zmq.ROUTER) as clients, context.socket(zmq.ROUTER) as workers:
                dispatcher = Dispatcher(workplace, clients, workers)
                workers.bind(address)
                submit(workplace, 2)
                encoder = Peer(context, address)
                encoder.done = "of another dispatcher"
                encoder.ready()
                assert encoder.hear(dispatcher).kind == messages.WORK
                encoder.socket.close()


def test_nonsense_is_dropped(place, workplace):
    dispatcher, client, worker = place
    for peer in (client(), worker()):
        peer.socket.send_multipart([b"\xff", b"not json", b"x"])
        peer.socket.send_multipart([b"ready", b"{}"])
        peer.socket.send_multipart([b"recognize", b"[]"])
    asking = client()
    asking.say(messages.PING, {"request": 1})
    assert asking.hear(dispatcher).kind == messages.PONG
