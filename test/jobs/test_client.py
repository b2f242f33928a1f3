"""The web side's way to the dispatcher, over a real socket."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
import zmq

from jobs.processes import messages
from jobs.processes.client import JobsClient
from jobs.processes.messages import Message
from jobs.table.build_options import BuildOptions
from test.jobs.test_tasks import uploads

THREADS = 4


@pytest.fixture
def client(service_settings):
    made = JobsClient(service_settings)
    yield made
    made.close()


@pytest.fixture
def dispatcher(service_settings):
    """The dispatcher's end of the clients' socket."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        socket.linger = 0
        socket.bind(service_settings.broker_address("clients"))
        yield socket


def test_the_first_build_of_every_thread_wakes_the_dispatcher(client, dispatcher):
    """A thread's socket is made with its first message, and is not connected at once."""
    together = threading.Barrier(THREADS)

    def submit() -> None:
        together.wait(30)
        client.submit(uploads(client.storage, 2), BuildOptions())

    with ThreadPoolExecutor(THREADS) as pool:
        wait([pool.submit(submit) for _ in range(THREADS)])
        for _ in range(THREADS):
            assert dispatcher.poll(5000), "a message was lost"
            _, *frames = dispatcher.recv_multipart()
            assert Message.from_frames(frames).kind == messages.WAKE
        client.close()  # sockets are closed before the threads they belong to end


def test_without_a_dispatcher_a_build_is_accepted_all_the_same(client):
    assert client.submit(uploads(client.storage, 2), BuildOptions()).state == "queued"
