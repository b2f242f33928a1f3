"""The web side's way to the dispatcher, over a real socket."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
import zmq

from jobs.processes import messages
from jobs.processes.broker import Broker
from jobs.processes.messages import Message
from jobs.processes.sockets import address

THREADS = 4


@pytest.fixture
def broker(service_settings):
    made = Broker(service_settings)
    yield made
    made.close()


@pytest.fixture
def dispatcher(service_settings):
    """The dispatcher's end of the clients' socket."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        socket.linger = 0
        socket.bind(address(service_settings.data_dir, "clients"))
        yield socket


def test_the_first_message_of_every_thread_wakes_the_dispatcher(broker, dispatcher):
    """A thread's socket is made with its first message, and is not connected at once."""
    together = threading.Barrier(THREADS)

    def wake() -> None:
        together.wait(30)
        broker.wake()

    with ThreadPoolExecutor(THREADS) as pool:
        wait([pool.submit(wake) for _ in range(THREADS)])
        for _ in range(THREADS):
            assert dispatcher.poll(5000), "a message was lost"
            _, *frames = dispatcher.recv_multipart()
            assert Message.from_frames(frames).kind == messages.WAKE
        broker.close()  # sockets are closed before the threads they belong to end


def test_without_a_dispatcher_nobody_waits_for_it(broker):
    broker.wake()
    assert broker.workers() is None
