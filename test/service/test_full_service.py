"""The whole service on a small disk that fills: requests hear of it, and what was accepted is made all the same."""

import http.client
import json
import os
from contextlib import closing
from io import BytesIO

import pytest
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

from test.app.test_full_disk import filled, small_disk
from test.service.running import PATIENCE_S, running, wait_for

pytestmark = pytest.mark.thorough

#: Bytes of the disk, with room for what a request must leave free and for two bundles; and of a picture that is still
#: being sent when there is none left.
DISK, LARGE = 480 << 20, 16 << 20


@pytest.fixture
def service(tmp_path, graphs):
    with small_disk(tmp_path / "data", DISK) as folder:
        (folder / "graphs").symlink_to(graphs)
        with running(folder, tmp_path / "log", FACIAL_ENCODE_WORKERS="1") as started:
            yield started


def send_while_the_disk_fills(service, pictures, key: str) -> tuple[int, object]:
    """Send half of a request, and the rest once there is no room for it."""
    form = MultiDict([("images", FileStorage(BytesIO(content), name)) for name, content in pictures])
    boundary, body = encode_multipart(form)
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE_S)) as connection:
        connection.putrequest("POST", "/build_recognizer")
        connection.putheader("Content-Type", f"multipart/form-data; boundary={boundary}")
        connection.putheader("Content-Length", str(len(body)))
        connection.putheader("Idempotency-Key", key)
        connection.endheaders(body[: len(body) // 2])
        incoming = service.data_dir / "incoming"
        wait_for(lambda: [file for file in incoming.rglob("*") if file.is_file()], "the first half")
        with filled(service.data_dir, 1 << 20):
            connection.send(body[len(body) // 2 :])
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())


def test_a_request_that_finds_no_room_is_told_so_and_others_are_finished(service, gallery):
    folders = sorted(gallery.iterdir())[:2]
    views = [(folder.name, view) for folder in folders for view in sorted(folder.iterdir())[:3]]
    pictures = [(f"{name}/{view.name}", view.read_bytes()) for name, view in views]
    accepted = service.post("/build_recognizer", "images", pictures)[1]["id"]
    large = [*pictures, ("Ada/large.jpg", os.urandom(LARGE))]
    status, answer = send_while_the_disk_fills(service, large, "key")
    assert (status, answer["error"]["code"]) == (503, "unavailable")
    assert not any((service.data_dir / "incoming").iterdir())
    with filled(service.data_dir, 1 << 20):
        status, answer = service.post("/build_recognizer", "images", large, "key")
        assert (status, answer["error"]["code"]) == (503, "overloaded"), "before it is received"
        assert service.get(f"/is_available?id={accepted}")[0] == 200
    status, answer = service.post("/build_recognizer", "images", large, "key")
    assert status == 202
    for recognizer in (accepted, answer["id"]):
        assert service.wait_until_built(recognizer)["state"] == "ready"
    wait_for(lambda: not any((service.data_dir / "images").iterdir()), "the pictures to be deleted")
