"""What whoever runs the real service sees of it: the log's lines about a build, and the figures at /metrics."""

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import struct

import pytest
from prometheus_client.parser import text_string_to_metric_families

from test.service.running import alive, running, wait_for

pytestmark = pytest.mark.thorough

#: What is part of every label and every file's name.
SECRET = "Secret"
#: What a forged line would begin with; a method ends at the first space.
FORGED = "2026-01-01T00:00:00.000+00:00\tINFO\tWEB\t-\tFORGED"


@pytest.fixture(scope="module")
def watched(tmp_path_factory, gallery):
    """A service whose log is JSON, its log, and a recognizer that it built."""
    folder = tmp_path_factory.mktemp("watched")
    log = folder / "log"
    with running(folder / "data", log, FACIAL_ENCODE_WORKERS="2", FACIAL_LOG_FORMAT="json") as service:
        files = [
            (f"{person.name} {SECRET}/{SECRET} {picture.name}", picture.read_bytes())
            for person in sorted(gallery.iterdir())
            for picture in sorted(person.iterdir())[:6]
        ]
        recognizer = service.post("/build_recognizer", "images", files, name=SECRET)[1]["id"]
        assert service.wait_until_built(recognizer)["state"] == "ready"
        yield service, log, recognizer


def lines(log) -> list[dict[str, object]]:
    """The lines that are this project's own; a server's and libraries' are plain text."""
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


def figures(service) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(service.get("/metrics")[1].decode())
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def web_processes(service) -> list[int]:
    _, *workers = service.processes("uwsgi --ini")
    return workers


def test_a_build_is_followed_by_its_id_through_all_processes(watched):
    _, log, recognizer = watched
    about = [line for line in lines(log) if line["about"] == f"{recognizer}/1"]
    told = [(line["message"].split()[0].rstrip(":"), line["process"].split("-")[0]) for line in about]
    assert told == [
        ("accepted", "web"),
        ("encode", "dispatcher"),
        ("encoded", "encode"),
        ("train", "dispatcher"),
        ("trained", "train"),
        ("ready", "train"),
    ]
    accepted, ready = about[0], about[-1]
    assert (accepted["files"], ready["people"], ready["attempts"]) == (18, 3, 0)
    requests = [line for line in lines(log) if line.get("route") == "/build_recognizer"]
    assert [line["request"] for line in requests] == [accepted["request"]]


def test_nobody_is_named_in_the_log(watched, gallery):
    _, log, _ = watched
    said = log.read_text()
    assert SECRET not in said
    assert not [person.name for person in gallery.iterdir() if person.name in said]


def test_work_is_timed_once_and_broken_work_counted(watched):
    service, _, _ = watched
    found = figures(service)
    assert found["facial_work_seconds_count", "picture"] == 18
    assert found["facial_work_seconds_count", "training"] == 1
    assert found["facial_work_seconds_sum", "picture"] > 0 and found["facial_work_seconds_sum", "training"] > 0
    assert not any(
        value for (name, *_), value in found.items() if name in ("facial_broken_off_total", "facial_given_up_total")
    )


def test_requests_are_counted_over_all_web_processes_also_after_one_is_replaced(watched):
    service, _, _ = watched
    alive_200 = ("facial_request_seconds_count", "GET", "/is_alive", "2xx")
    before = figures(service).get(alive_200, 0)
    for victim in web_processes(service):
        for _ in range(20):
            assert service.get("/is_alive")[0] == 200
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: len([pid for pid in web_processes(service) if alive(pid)]) == 2, "another web process")
        wait_for(lambda: service.get("/metrics")[0] == 200, "it to answer")
    assert {figures(service)[alive_200] for _ in range(20)} == {before + 40}, "whichever process is asked"


def test_neither_the_log_nor_the_server_lets_a_client_forge_a_line_or_name_anybody(watched):
    service, log, recognizer = watched
    label = f"/v1/recognizers/{recognizer}/people/{SECRET}"
    # A method with a line break in it; a header with one in it, among more than the server takes; clients who are gone
    # when they are answered.
    send(service, f"GET\n{FORGED}\x1b[2J {label} HTTP/1.0\r\n\r\n")
    send(service, f"GET / HTTP/1.0\r\nX-Full: {'x' * 3700}\r\nX-Name: {SECRET}\n{FORGED}{'y' * 200}\r\n\r\n")
    for _ in range(50):
        send(service, f"GET\n{FORGED} {label}\n{FORGED} HTTP/1.0\r\n\r\n", leave=True)
    for _ in range(20):  # by then the others have been answered
        service.get("/is_alive")
    assert [line for line in lines(log) if FORGED in str(line.get("method"))], "they came through to the application"
    said = log.read_text()
    assert SECRET not in said
    assert not re.search(f"^{re.escape(FORGED)}", said, re.MULTILINE)
    assert "write error" not in said


def send(service, request: str, leave: bool = False) -> None:
    """Send a request as it is, and wait for its answer, or be gone at once."""
    with socket.create_connection(("127.0.0.1", service.port)) as client:
        client.sendall(request.encode())
        if leave:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            while client.recv(4096):
                pass


def test_work_whose_process_is_killed_is_counted_and_told(watched, gallery):
    service, log, _ = watched
    files = [
        (f"{person.name}/{picture.name}", picture.read_bytes() + b"\0")
        for person in sorted(gallery.iterdir())
        for picture in person.iterdir()
    ]
    recognizer = service.post("/build_recognizer", "images", files)[1]["id"]
    wait_for(lambda: kill_at_work(service), "a worker that holds pictures")
    assert service.wait_until_built(recognizer)["state"] == "ready"
    found = figures(service)
    assert 1 <= found["facial_broken_off_total", "interrupted", "encode"] <= 8
    assert found["facial_work_seconds_count", "picture"] == 18 + len(files)
    broken_off = [line for line in lines(log) if line.get("ending") == "interrupted"]
    assert {line["about"] for line in broken_off} == {f"{recognizer}/1"}
    assert sum(line["tasks"] for line in broken_off) == found["facial_broken_off_total", "interrupted", "encode"]


def kill_at_work(service) -> bool:
    """Kill an encode worker if it holds pictures; it stands still while that is looked up."""
    worker = next(iter(service.processes("worker encode encode-0")), None)
    if worker is None:
        return False
    os.kill(worker, signal.SIGSTOP)
    with contextlib.closing(sqlite3.connect(service.data_dir / "facial.sqlite")) as database:
        query = "SELECT count(*) FROM tasks WHERE state = 'leased' AND worker LIKE 'encode-0:%'"
        ((held,),) = database.execute(query).fetchall()
    os.kill(worker, signal.SIGKILL if held else signal.SIGCONT)
    return held > 0
