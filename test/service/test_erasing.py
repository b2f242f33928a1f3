"""A real service from which something is deleted while it works, and whose processes are killed."""

import contextlib
import os
import signal
import socket

import psutil
import pytest

from test.service.running import running, wait_for
from test.service.test_end_to_end import enrolment

pytestmark = pytest.mark.thorough

#: A label that stands nowhere but where the service writes it.
LABEL = "Erased-by-a-test"
#: Views of each person that are enrolled.
ENROLLED = 4


def test_what_is_deleted_or_broken_off_leaves_nothing(tmp_path, gallery):
    people = [LABEL, *(folder.name for folder in sorted(gallery.iterdir())[1:])]
    known = {name: sorted(folder.iterdir()) for name, folder in zip(people, sorted(gallery.iterdir()), strict=True)}
    data, log = tmp_path / "data", tmp_path / "log"
    (tmp_path / "tmp").mkdir()
    with running(data, log, FACIAL_ENCODE_WORKERS="1", TMPDIR=str(tmp_path / "tmp")) as service:
        with half_a_request(service.port):
            wait_for(lambda: any((data / "incoming").iterdir()), "the half request")
            for web in web_processes(service):
                os.kill(web, signal.SIGKILL)
            wait_for(lambda: not any((data / "incoming").iterdir()), "its sweep")
        wait_for(lambda: service.get("/is_alive")[0] == 200, "another web process")

        form = enrolment(known, each=ENROLLED)
        recognizer = service.post("/build_recognizer", "images", form, keep_images="1")[1]["id"]
        wait_for(lambda: any((data / "scratch").iterdir()), "the training")
        assert service.delete(f"/v1/recognizers/{recognizer}")[0] == 204
        status, gone = service.get(f"/v1/recognizers/{recognizer}")
        assert status == 410 and gone["erasure"] in ("pending", "done")
        trainer = service.processes("worker train")[0]
        with contextlib.suppress(ProcessLookupError):
            os.kill(trainer, signal.SIGKILL)
        wait_for(lambda: service.get(f"/v1/recognizers/{recognizer}")[1]["erasure"] == "done", "the erasure")
        files = [path for folder in (data, tmp_path / "tmp", log) for path in [folder, *folder.rglob("*")]]
        contents = {path: path.read_bytes() for path in files if path.is_file()}
        assert not [path for path, content in contents.items() if LABEL.encode() in content]
        assert not any((data / "images").iterdir()) and not any((data / "bundles").iterdir())
        assert not any((data / "scratch").iterdir())


def web_processes(service) -> list[int]:
    """uWSGI's own children: all but those that run a command of this project."""
    master = psutil.Process(service.processes()[0])
    return [child.pid for child in master.children() if "run.py" not in " ".join(child.cmdline())]


@contextlib.contextmanager
def half_a_request(port):
    """A build whose client has stopped sending."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(
            b"POST /build_recognizer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
            b'--x\r\nContent-Disposition: form-data; name="images"; filename="'
            + LABEL.encode()
            + b'/1.jpg"\r\n\r\n'
            + LABEL.encode() * 1000
        )
        yield
