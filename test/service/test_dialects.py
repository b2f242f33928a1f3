"""Programs that were made for CompreFace and DeepStack, against the running service."""

import base64
import json
import subprocess
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from deepstack.core import DeepstackException, DeepstackFace
from PIL import Image

from features.database import Database
from jobs.table import access_keys
from jobs.table.access_keys import Scope
from test.service.running import Service, running

pytestmark = pytest.mark.thorough

ROOT = "/api/v1/recognition"
#: Python of an environment that `make test` installs compreface-sdk into, and what is asked by it.
SDK = Path(__file__).parents[2] / ".venv" / "compreface-sdk" / "bin" / "python"
ASKED_BY_SDK = Path(__file__).with_name("compreface_sdk.py")
#: A photo of a person of the gallery, by name and number.
View = Callable[[str, int], Path]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dialects")
    with running(folder / "data", folder / "log", FACIAL_ENCODE_WORKERS="1") as service:
        yield service


@pytest.fixture(scope="module")
def names(gallery) -> list[str]:
    return sorted(person.name for person in gallery.iterdir())


@pytest.fixture(scope="module")
def view(gallery) -> View:
    return lambda name, number: sorted((gallery / name).iterdir())[number]


class CompreFace:
    """Requests as compreface-sdk 0.6.0 makes them, and some that it cannot make."""

    def __init__(self, service: Service, key: str = "00000000-0000-0000-0000-000000000002") -> None:
        self._url = f"http://127.0.0.1:{service.port}{ROOT}"
        self._headers = {"x-api-key": key}

    def add(self, photo: Path | bytes, subject: str) -> httpx.Response:
        return self.send("POST", f"/faces?subject={subject}", files={"file": ("image.jpg", content(photo))})

    def recognize(self, photo: Path | bytes, options: str = "") -> httpx.Response:
        """``options`` as the library puts them together, with an ampersand before each."""
        return self.send("POST", f"/recognize?{options}", files={"file": ("image.jpg", content(photo))})

    def verify(self, photo: Path, image_id: str) -> httpx.Response:
        files = {"file": ("image.jpg", content(photo))}
        return self.send("POST", f"/faces/{image_id}/verify?face_plugins=landmarks", files=files)

    def get(self, path: str) -> dict:
        return self.send("GET", path).json()

    def delete(self, path: str) -> httpx.Response:
        return self.send("DELETE", path)

    def send(self, method: str, path: str, json: dict | None = None, files: dict | None = None) -> httpx.Response:
        """Ask by a connection of its own, as the library does."""
        return httpx.request(method, self._url + path, json=json, files=files, headers=self._headers, timeout=60)

    def whom(self, photo: Path) -> dict:
        """The likeliest subject of the only face of a photo, at the threshold that Double Take sends."""
        (face,) = self.recognize(photo, "&det_prob_threshold=0.8").json()["result"]
        (subject,) = face["subjects"]
        return subject


@pytest.fixture(scope="module")
def compreface(service) -> CompreFace:
    return CompreFace(service)


@pytest.fixture(scope="module")
def deepstack(service) -> DeepstackFace:
    return DeepstackFace(ip="127.0.0.1", port=service.port, timeout=60)


@pytest.fixture(scope="module")
def known(deepstack, names, view) -> list[str]:
    """Two people, whom DeepStack's client registers with two pictures each."""
    for name in names[:2]:
        for number in range(2):
            assert deepstack.register(name, view(name, number).read_bytes()) == "face added"
    return names[:2]


def content(photo: Path | bytes) -> bytes:
    return photo if isinstance(photo, bytes) else photo.read_bytes()


def side_by_side(*photos: Path) -> bytes:
    pictures = [Image.open(photo).convert("RGB") for photo in photos]
    wide, buffer = Image.new("RGB", (sum(p.width for p in pictures), pictures[0].height)), BytesIO()
    for place, picture in enumerate(pictures):
        wide.paste(picture, (sum(p.width for p in pictures[:place]), 0))
    wide.save(buffer, "PNG")
    return buffer.getvalue()


def blank() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (200, 200), "gray").save(buffer, "PNG")
    return buffer.getvalue()


def test_nobody_is_known_before_the_first_face(compreface, deepstack, names, view):
    assert deepstack.get_registered_faces() == [] and compreface.get("/subjects/") == {"subjects": []}
    (face,) = deepstack.recognize(view(names[0], 0).read_bytes())
    assert (face["userid"], face["confidence"]) == ("unknown", 0) and 0 <= face["x_min"] < face["x_max"]
    (face,) = compreface.recognize(view(names[0], 0)).json()["result"]
    assert face["subjects"] == []
    assert compreface.delete(f"/faces?subject={names[0]}").json() == {"deleted": 0}
    assert compreface.delete("/subjects").json() == {"deleted": 0}


def test_compreface_sdk_adds_recognizes_compares_renames_and_deletes(service, names, view):
    """The client itself, in a process and an environment of its own."""
    photos = [view(name, number) for name in names[:2] for number in (1, 2, 4)]
    asked = [SDK, ASKED_BY_SDK, str(service.port), *map(str, photos)]
    ended = subprocess.run(asked, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    added = told["added"]
    assert [face["subject"] for face in added] == ["sdk-0", "sdk-0", "sdk-1", "sdk-1"]
    assert told["subjects"] == told["recognized"] == ["sdk-0", "sdk-1"]
    assert told["faces"] == 4
    assert told["same"] > 0.9 and told["other"] < 0.1
    assert told["renamed"] == {"updated": True} and told["after"] == "sdk-2"
    assert told["deleted"] == [added[0], {"deleted": 1}, {"subject": "sdk-2"}]
    assert told["left"] == []


def test_deepstack_python_registers_and_recognizes_at_once(deepstack, known, names, view):
    assert deepstack.get_registered_faces() == known
    for name in known:
        (face,) = deepstack.recognize(view(name, 4).read_bytes())
        assert face["userid"] == name and face["confidence"] >= 0.5
        assert face.keys() == {"userid", "confidence", "x_min", "y_min", "x_max", "y_max"}
    (stranger,) = deepstack.recognize(view(names[2], 4).read_bytes())
    assert stranger["userid"] == "unknown"
    with pytest.raises(DeepstackException, match="400"):
        deepstack.register("Nobody", blank())
    assert deepstack.recognize(blank()) == deepstack.detect(blank()) == []
    assert len(deepstack.detect(side_by_side(view(names[0], 4), view(names[1], 4)))) == 2


def test_deepstack_matches_two_photos(service, names, view):
    """As its documentation asks; deepstack-python does not."""
    url = f"http://127.0.0.1:{service.port}/v1/vision/face/match"

    def similarity(*photos: Path) -> float:
        answer = httpx.post(url, files={f"image{n}": content(photo) for n, photo in enumerate(photos, 1)}, timeout=60)
        assert answer.json()["success"] is True
        return answer.json()["similarity"]

    assert similarity(view(names[0], 0), view(names[0], 4)) > 0.5 > similarity(view(names[0], 0), view(names[1], 0))
    refused = httpx.post(url, files={"image1": blank()}, timeout=60)
    assert (refused.status_code, refused.json()["success"]) == (400, False)


def test_compreface_knows_the_same_people(compreface, known, names, view):
    assert compreface.get("/subjects") == {"subjects": known}
    assert compreface.whom(view(names[0], 5))["subject"] == names[0]
    added = compreface.add(view(names[2], 0), names[2])
    assert added.status_code == 201 and added.json()["subject"] == names[2]
    picture = compreface.send("GET", f"/faces/{added.json()['image_id']}/img")
    assert (picture.status_code, picture.json()["code"]) == (404, 11) and "is kept" in picture.json()["message"]
    (compared,) = compreface.verify(view(names[2], 4), added.json()["image_id"]).json()["result"]
    assert compared["subject"] == names[2] and compared["similarity"] > 0.9 and len(compared["landmarks"]) == 5
    (compared,) = compreface.verify(view(names[0], 4), added.json()["image_id"]).json()["result"]
    assert compared["subject"] == names[2] and compared["similarity"] < 0.1
    third = compreface.whom(view(names[2], 4))
    assert third["subject"] == names[2] and third["similarity"] >= 0.5
    sent = {"file": base64.b64encode(view(names[2], 1).read_bytes()).decode()}
    assert compreface.send("POST", f"/faces?subject={names[2]}", sent).status_code == 201
    found = compreface.send("POST", "/recognize?prediction_count=3&face_plugins=landmarks", sent).json()["result"][0]
    assert len(found["subjects"]) == 3 and len(found["landmarks"]) == 5
    assert [one["similarity"] for one in found["subjects"]] == sorted(
        (one["similarity"] for one in found["subjects"]), reverse=True
    )
    shown = compreface.get("/faces?page=1&size=2")
    assert [face["subject"] for face in shown["faces"]] == [names[1]] * 2
    assert [shown[name] for name in ("page_number", "page_size", "total_pages", "total_elements")] == [1, 2, 3, 6]


def test_compreface_finds_the_largest_faces_first_and_says_what_is_wrong(compreface, known, names, view):
    two = side_by_side(view(names[0], 5), view(names[1], 5))
    assert len(compreface.recognize(two).json()["result"]) == 2
    assert len(compreface.recognize(two, "&limit=1").json()["result"]) == 1
    refused = {
        28: compreface.recognize(blank()),
        31: compreface.add(two, "Both"),
        21: compreface.recognize(b"no picture"),
        26: compreface.send("POST", "/recognize", {"file": "no base64"}),
    }
    for code, answer in refused.items():
        assert (answer.status_code, answer.json()["code"]) == (400, code) and answer.json()["message"]
    assert compreface.recognize(two, "&det_prob_threshold=2").json()["code"] == 26
    unknown = "00000000-0000-0000-0000-000000000000"
    assert compreface.delete(f"/faces/{unknown}").status_code == 404
    assert compreface.verify(view(names[0], 5), unknown).json()["code"] == 11


def test_a_form_that_is_sent_in_chunks_is_read(service, known, names, view):
    """As Node's form-data is by axios before 1.0, which Double Take had for long."""
    request = httpx.Request("POST", "http://x", files={"file": ("image.jpg", content(view(names[0], 5)))})
    body = request.read()
    pieces = (body[start : start + 5000] for start in range(0, len(body), 5000))
    url = f"http://127.0.0.1:{service.port}{ROOT}/recognize"
    answer = httpx.post(url, content=pieces, headers={"Content-Type": request.headers["Content-Type"]}, timeout=60)
    assert answer.request.headers["Transfer-Encoding"] == "chunked" and answer.headers["Connection"] == "close"
    assert answer.json()["result"][0]["subjects"][0]["subject"] == names[0]
    endless = (b"x" * (1 << 20) for _ in range(80))
    with pytest.raises(httpx.HTTPError):
        httpx.post(url, content=endless, headers={"Content-Type": request.headers["Content-Type"]}).raise_for_status()


def test_subjects_are_renamed_and_deleted_and_trained_meanwhile(service, compreface, deepstack, known, names, view):
    compreface.add(view(names[2], 0), names[2])
    assert compreface.send("POST", "/subjects", {"subject": "Later"}).json() == {"subject": "Later"}
    assert compreface.send("PUT", f"/subjects/{names[0]}", {"subject": "First/One"}).json() == {"updated": True}
    (mine,) = service.get("/v1/recognizers")[1]["recognizers"]
    assert mine["name"] == "collection" and service.wait_until_built(mine["id"])["state"] == "ready"
    assert compreface.whom(view(names[0], 5))["subject"] == "First/One"
    image = compreface.get("/faces")["faces"][0]
    assert compreface.delete(f"/faces/{image['image_id']}").json() == image
    assert compreface.get(f"/faces?subject={image['subject']}")["total_elements"] == 1
    assert compreface.delete("/subjects/First/One").json() == {"subject": "First/One"}
    assert compreface.whom(view(names[0], 5))["similarity"] < 0.5
    deleted = httpx.post(
        f"http://127.0.0.1:{service.port}/v1/vision/face/delete", data={"userid": names[1]}, timeout=60
    )
    assert deleted.json() == {"success": True}
    assert deepstack.get_registered_faces() == [names[2]]
    assert compreface.delete("/faces").json()["deleted"] >= 1
    assert compreface.get("/subjects") == {"subjects": []}


def test_a_key_is_sent_as_each_of_them_can(service, names, view):
    """Once there is a key: DeepStack's clients are given it with the address."""
    database = Database(f"sqlite:///{service.data_dir / 'facial.sqlite'}")
    key = access_keys.create(database, "home", list(Scope), tenant="home")
    database.close()
    refused = CompreFace(service, "wrong").add(view(names[0], 0), names[0])
    assert refused.status_code == 401 and refused.json().keys() == {"message", "code"}
    assert CompreFace(service, key).add(view(names[0], 0), names[0]).status_code == 201
    with pytest.raises(DeepstackException, match="401"):
        DeepstackFace(ip="127.0.0.1", port=service.port).recognize(view(names[0], 4).read_bytes())
    deepstack = DeepstackFace(ip=f"key:{key}@127.0.0.1", port=service.port, timeout=60)
    assert deepstack.get_registered_faces() == [names[0]]
