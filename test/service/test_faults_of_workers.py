"""Workers that hang, crash, or are stopped in order, in the real service."""

import os
import signal
from pathlib import Path

import pytest

from test.service.running import alive, running, wait_for

pytestmark = pytest.mark.thorough

#: Pictures of each person.
EACH = 20


@pytest.fixture(scope="module")
def files(gallery):
    return [
        (f"{person.name}/{picture.name}", picture.read_bytes())
        for person in sorted(gallery.iterdir())
        for picture in sorted(person.iterdir())[:EACH]
    ]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    with running(folder / "data", folder / "log", FACIAL_ENCODE_WORKERS="1") as started:
        yield started
        started.stop()


def again(files, number: int):
    """The same pictures as other files, so that they are encoded anew."""
    return [(name, content + b"\0" * number) for name, content in files]


def test_a_worker_that_stands_still_is_replaced_and_its_pictures_are_encoded(service, files):
    recognizer = service.post("/build_recognizer", "images", again(files, 1))[1]["id"]
    wait_for(lambda: service.get("/is_available")[1]["progress"]["done"] > 0, "the first pictures")
    (still,) = service.processes("worker encode")
    os.kill(still, signal.SIGSTOP)
    assert service.get("/is_available")[1]["state"] == "encoding", "stopped too late to show anything"
    wait_for(lambda: service.get("/v1/readyz")[0] == 503, "the service to notice")
    wait_for(lambda: not alive(still), "its end")
    assert service.wait_until_built(recognizer)["message"] == f"ready: 3 people from {3 * EACH} faces"
    assert service.get("/v1/readyz")[0] == 200


def test_a_dispatcher_that_stands_still_is_replaced(service):
    (still,) = service.processes("run.py dispatcher")
    os.kill(still, signal.SIGSTOP)
    wait_for(lambda: not alive(still), "its end")
    wait_for(lambda: service.get("/v1/readyz")[0] == 200, "another")


def catches(pid: int, number: int) -> bool:
    """Whether a process has a handler of its own for a signal."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt")]
    return bool(int(line.split()[1], 16) >> number - 1 & 1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the signals that a process catches are not told")
def test_a_web_process_that_is_told_to_end_while_it_starts_ends_alone(service):
    before = set(service.processes())
    _master, first, _other = service.processes("uwsgi --ini")
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: set(service.processes("uwsgi --ini")) - before, "another")
    (starting,) = set(service.processes("uwsgi --ini")) - before
    wait_for(lambda: not catches(starting, signal.SIGTERM), "its application to be loaded")
    os.kill(starting, signal.SIGTERM)
    wait_for(lambda: not alive(starting), "its end")
    wait_for(lambda: len(service.processes("uwsgi --ini")) == 3, "another")
    assert before - set(service.processes()) == {first}
    assert service.get("/v1/readyz")[0] == 200
