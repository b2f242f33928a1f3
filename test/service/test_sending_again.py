"""A client that hears no answer sends its request again, to the whole service, and nothing is made twice."""

import os
import signal
import sqlite3
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from test.portraits import first_of_each
from test.service.running import running, wait_for

pytestmark = pytest.mark.thorough

#: Requests at once.
CLIENTS = 8
#: Times that a process may have answered before it could be killed.
ATTEMPTS = 20


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    with running(folder / "data", folder / "log", FACIAL_ENCODE_WORKERS="1") as started:
        yield started


@pytest.fixture(scope="module")
def pictures(gallery) -> list[tuple[str, bytes]]:
    return first_of_each(gallery, people=2, pictures=2)


def table(service) -> closing:
    return closing(sqlite3.connect(service.data_dir / "facial.sqlite"))


def made(service) -> set[str]:
    """The ids of all recognizers."""
    with table(service) as connection:
        return {recognizer for (recognizer,) in connection.execute("SELECT id FROM recognizers")}


def send_at_once(service, pictures, key: str) -> set[str]:
    """Send a request from many clients at once, on either route; the ids in the answers."""
    routes = ("/build_recognizer", "/v1/recognizers") * (CLIENTS // 2)
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(lambda route: service.post(route, "images", pictures, key), routes))
    assert [status for status, _ in answers] == [202] * CLIENTS
    return {accepted["id"] for _, accepted in answers}


@contextmanager
def stopped(*processes: int) -> Iterator[None]:
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def send_and_kill(service, pictures, key: str) -> bool:
    """Send a request, and kill the web processes as soon as it is committed; whether they had answered by then."""
    web = service.processes("uwsgi --ini")[1:]  # the first is their master
    with ThreadPoolExecutor(1) as pool, table(service) as connection:
        last = lambda: connection.execute("SELECT max(rowid) FROM requests").fetchone()  # noqa: E731
        before = last()
        sent = pool.submit(service.post, "/build_recognizer", "images", pictures, key)
        while last() == before and not sent.done():
            pass
        for process in web:
            os.kill(process, signal.SIGKILL)
        status, _ = sent.result()
        assert last() != before, "committed"
    return status != 0


def test_of_many_at_once_one_is_made(service, pictures):
    before, key = made(service), str(uuid.uuid4())
    assert send_at_once(service, pictures, key) == made(service) - before
    assert len(made(service) - before) == 1
    assert service.post("/build_recognizer", "images", pictures[::-1], key)[0] == 422


def test_what_was_committed_by_a_process_killed_before_it_answered_is_not_made_again(service, pictures):
    # A process that has just started waits a moment for a dispatcher that stands still, between commit and answer.
    with stopped(*service.processes("run.py workers"), *service.processes("run.py dispatcher")):
        for key in map(str, range(ATTEMPTS)):
            wait_for(lambda: service.get("/is_alive")[0] == 200, "the web processes")
            before = made(service)
            if not send_and_kill(service, pictures, key):
                break
        else:
            pytest.fail("every answer was faster than its process' death")
        (recognizer,) = made(service) - before
        wait_for(lambda: service.get("/is_alive")[0] == 200, "the web processes")
        assert send_at_once(service, pictures, key) == {recognizer}
        assert made(service) == before | {recognizer}
    assert service.wait_until_built(recognizer)["state"] == "ready"
    wait_for(lambda: not (service.data_dir / "images" / recognizer).exists(), "its pictures to be deleted")
