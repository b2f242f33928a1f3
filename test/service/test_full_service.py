"""The whole service on a small disk that fills: requests hear of it, and what was accepted is made all the same."""

import os

import pytest

from test.app.test_full_disk import filled, small_disk
from test.service.running import running, wait_for

pytestmark = pytest.mark.thorough

#: Bytes of the disk, which has room for two bundles, and of a picture that is still being sent when there is none left.
DISK, LARGE = 192 << 20, 16 << 20


@pytest.fixture
def service(tmp_path, graphs):
    with small_disk(tmp_path / "data", DISK) as folder:
        (folder / "graphs").symlink_to(graphs)
        with running(folder, tmp_path / "log", FACIAL_ENCODE_WORKERS="1") as started:
            yield started


def test_a_request_that_finds_no_room_is_told_so_and_others_are_finished(service, gallery):
    folders = sorted(gallery.iterdir())[:2]
    views = [(folder.name, view) for folder in folders for view in sorted(folder.iterdir())[:3]]
    pictures = [(f"{name}/{view.name}", view.read_bytes()) for name, view in views]
    accepted = service.post("/build_recognizer", "images", pictures)[1]["id"]
    large = [*pictures, ("Ada/large.jpg", os.urandom(LARGE))]
    with filled(service.data_dir, 1 << 20):
        for _ in range(3):
            status, answer = service.post("/build_recognizer", "images", large, "key")
            assert (status, answer["error"]["code"]) == (503, "unavailable")
            assert service.get(f"/is_available?id={accepted}")[0] == 200
        assert not any((service.data_dir / "incoming").iterdir())
    status, answer = service.post("/build_recognizer", "images", large, "key")
    assert status == 202
    for recognizer in (accepted, answer["id"]):
        assert service.wait_until_built(recognizer)["state"] == "ready"
    wait_for(lambda: not any((service.data_dir / "images").iterdir()), "the pictures to be deleted")
