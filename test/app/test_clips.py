"""Videos among the pictures of a build: each becomes the frames in which somebody is."""

import io

import numpy as np
import pytest

from jobs.table import tasks
from jobs.table.tables import TaskKind
from jobs.work.runner import run
from test.preprocessor.test_video import RATE, write

pytestmark = pytest.mark.thorough


@pytest.fixture
def clip(tmp_path, astronaut) -> bytes:
    """The portrait for a second and a half, in the middle of which it moves twice."""
    moments = [astronaut[10 * i : 10 * i + 240, 90 + 10 * i : 350 + 10 * i, ::-1] for i in range(3)]
    frames = [np.ascontiguousarray(moment) for moment in moments for _ in range(RATE // 2)]
    return write(tmp_path / "clip.mp4", frames).read_bytes()


@pytest.fixture
def faceless(tmp_path, astronaut) -> bytes:
    frames = [np.ascontiguousarray(astronaut[400:500, :100, ::-1])] * RATE
    return write(tmp_path / "faceless.webm", frames).read_bytes()


def sent(*pictures):
    return {"images": [(io.BytesIO(content), name) for name, content in pictures], "dry_run": "1"}


def by_file(client, recognizer) -> dict:
    images = client.get(f"/v1/recognizers/{recognizer}/images").json["images"]
    return {image["file"]: image for image in images}


def test_a_clip_is_its_frames_and_bad_ones_are_refused(client, people, finish, clip, faceless, workplace):
    pictures = [("Ada/1.jpg", people.picture("Ada")), ("Eileen/clip.mp4", clip), ("Eileen/again.mp4", clip)]
    pictures += [("Eileen/none.webm", faceless), ("Eileen/cut.mp4", clip[:600])]
    answer = client.post("/v1/recognizers", data=sent(*pictures))
    assert answer.json["progress"]["total"] == 5
    finish()
    images = by_file(client, answer.json["id"])
    reasons = {name: image["reason"] for name, image in images.items() if image["reason"]}
    assert {name: reason for name, reason in reasons.items() if " at " not in name} == {
        "Eileen/again.mp4": "DUPLICATE",
        "Eileen/none.webm": "NO_FACE",
        "Eileen/cut.mp4": "DAMAGED_VIDEO",
    }
    frames = sorted(name for name in images if name.startswith("Eileen/clip.mp4"))
    assert [name.removeprefix("Eileen/clip.mp4 at ")[:2] for name in frames] == ["0.", "0.", "1."]
    taken = [name for name in frames if images[name]["faces"][0]["person"] == "Eileen"]
    assert taken
    assert {name: reasons[name] for name in frames if name in reasons} == {
        name: "ENOUGH_FRAMES" for name in frames if name not in taken
    }
    shown = client.get(f"/is_available?id={answer.json['id']}").json
    assert shown["message"].startswith(f"examined: 2 people from {1 + len(taken)} faces; 3 files were not used")
    assert not any(path.is_file() for path in workplace.storage.images.rglob("*"))


def test_a_clip_whose_build_was_deleted_leaves_nothing(client, people, workplace, clip):
    recognizer = client.post("/v1/recognizers", data=sent(("A/1.jpg", people.picture("A")), ("E/c.mp4", clip))).json[
        "id"
    ]
    claim = tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a")
    client.delete(f"/v1/recognizers/{recognizer}")
    run(workplace, claim)
    assert not any(path.is_file() for path in workplace.storage.images.rglob("*"))
    assert client.get(f"/v1/recognizers/{recognizer}").status_code == 410
