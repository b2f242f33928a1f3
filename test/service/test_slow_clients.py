"""Clients that send slowly, or leave, in the real service."""

import socket
import threading

import pytest

from test.service.running import running, wait_for

pytestmark = pytest.mark.thorough

#: As many as there were threads before, many times over.
SLOW = 200


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    with running(folder / "data", folder / "log", FACIAL_ENCODE_WORKERS="1", FACIAL_REQUEST_TIMEOUT_S="20") as started:
        yield started
        started.stop()


def begun(service, size: int = 1 << 20) -> socket.socket:
    """A connection by which a form of some size has begun to arrive."""
    connection = socket.create_connection(("127.0.0.1", service.port))
    head = f"POST /build_recognizer HTTP/1.1\r\nHost: 127.0.0.1:{service.port}\r\nContent-Length: {size}\r\n"
    connection.sendall(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n".encode())
    connection.settimeout(0)
    return connection


def is_open(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_many_slow_clients_keep_nobody_else_waiting_and_are_let_go_in_the_end(service):
    slow = [begun(service) for _ in range(SLOW)]
    going_on = threading.Event()

    def drip() -> None:
        while not going_on.wait(0.5):
            for connection in slow:
                try:
                    connection.send(b"a")
                except OSError:
                    continue

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        assert service.get("/is_alive")[0] == 200
        assert all(map(is_open, slow)), "it was answered only after others had been let go"
        wait_for(lambda: not any(map(is_open, slow)), "all of them to be let go")
        assert service.get("/is_alive")[0] == 200
    finally:
        going_on.set()
        dripping.join()
        for connection in slow:
            connection.close()


def test_what_a_client_that_left_had_sent_is_deleted(service):
    incoming = service.data_dir / "incoming"
    connection = begun(service)
    part = b'Content-Disposition: form-data; name="images"; filename="a.jpg"\r\n\r\n'
    connection.setblocking(True)
    connection.sendall(part + bytes(200_000))
    wait_for(lambda: any(path.is_file() for path in incoming.rglob("*")), "the first bytes")
    connection.close()
    wait_for(lambda: not any(path.is_file() for path in incoming.rglob("*")), "its end")
