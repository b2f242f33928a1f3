"""The mission's routes, through Flask, SQLite and Keras; only the processes are left out."""

import hashlib
import io
import json
import zipfile

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from jobs.table import builds, tasks
from jobs.table.tables import TaskKind
from jobs.work import runner
from test.conftest import jpeg


def build(client, files, **fields):
    return client.post("/build_recognizer", data={"images": files, **fields})


def test_is_alive(client):
    answer = client.get("/is_alive")
    assert (answer.status_code, answer.json) == (200, {"status": 0})


def test_a_recognizer_from_folders(client, people, finish):
    answer = build(client, people.files())
    assert answer.status_code == 202
    assert answer.json.keys() == {"status", "id"}
    identity = answer.json["id"]
    waiting = client.get("/is_available").json
    assert (waiting["available"], waiting["id"], waiting["state"]) == (0, identity, "queued")
    assert waiting["progress"] == {"done": 0, "total": 12, "unit": "images"}
    early = client.get(f"/download_recognizer?id={identity}")
    assert (early.status_code, early.json["error"]["code"]) == (409, "not_ready")
    finish()
    ready = client.get(f"/is_available?id={identity}").json
    assert (ready["available"], ready["state"]) == (1, "ready")
    bundle = client.get(f"/download_recognizer?id={identity}&format=bundle")
    assert bundle.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(bundle.data)) as opened:
        manifest = json.loads(opened.read("manifest.json"))
        assert json.loads(opened.read("labels.json")) == ["Person 0", "Person 1", "Person 2"]
        for name, file in manifest["files"].items():
            assert hashlib.sha256(opened.read(name)).hexdigest() == file["sha256"]
        onnx = opened.read("recognizer.onnx")
    assert client.get(f"/download_recognizer?id={identity}&format=onnx").data == onnx


def test_without_labels_people_are_found(client, people, finish):
    identity = build(client, people.files(folders=False)).json["id"]
    finish()
    shown = client.get(f"/v1/recognizers/{identity}").json
    assert shown["people"] == [{"label": f"person-{i}", "faces": 4} for i in (1, 2, 3)]


def test_a_person_of_one_face_is_taken_in(client, people, finish):
    files = [*people.files(people=2), (io.BytesIO(people.picture("Once")), "Once/1.jpg")]
    identity = build(client, files).json["id"]
    finish()
    assert {"label": "Once", "faces": 1} in client.get(f"/v1/recognizers/{identity}").json["people"]


def test_the_same_pictures_and_seed_give_the_same_model(client, people, finish):
    files = people.files()
    models = []
    for order in (1, -1):
        again = [(io.BytesIO(content.getvalue()), name) for content, name in files[::order]]
        identity = build(client, again, seed="7").json["id"]
        finish()
        with zipfile.ZipFile(io.BytesIO(client.get(f"/download_recognizer?id={identity}").data)) as opened:
            models.append(opened.read("head.onnx"))
    assert models[0] == models[1]


def test_nobody_who_has_a_usable_face(client, people, finish, astronaut):
    # Pictures without a face, so the real detector looks at them.
    files = [(io.BytesIO(jpeg(astronaut[400:500, n:100])), f"{name}/1.jpg") for n, name in enumerate(("Alice", "Bob"))]
    identity = build(client, files).json["id"]
    finish()
    failed = client.get(f"/is_available?id={identity}").json
    assert (failed["available"], failed["state"]) == (0, "failed")
    assert "usable face of somebody" in failed["message"]
    images = client.get(f"/v1/recognizers/{identity}/images").json["images"]
    reasons = {image["file"]: image["reason"] for image in images}
    assert reasons == {"Alice/1.jpg": "NO_FACE", "Bob/1.jpg": "NO_FACE"}
    refused = client.get(f"/download_recognizer?id={identity}")
    assert refused.status_code == 409
    assert "usable face of somebody" in refused.json["error"]["message"]
    assert client.get("/metrics").text.count('facial_tasks{kind="train",state="dead"} 0.0') == 1


def test_a_face_that_was_sent_for_two_people_is_one_of_them(client, people, finish):
    """And a recognizer of that person alone comes of it; every other file has its reason."""
    pictures = [people.picture("Ada") for _ in range(2)]
    files = [(io.BytesIO(picture), f"{name}/{n}.jpg") for name in ("Ada", "Ben") for n, picture in enumerate(pictures)]
    identity = build(client, files).json["id"]
    finish()
    ready = client.get(f"/is_available?id={identity}").json
    assert ready["state"] == "ready" and "1 person from 2 faces" in ready["message"]
    images = client.get(f"/v1/recognizers/{identity}/images").json["images"]
    assert [image["reason"] for image in images] == [None, None, "NO_FACE_FOR_LABEL", "NO_FACE_FOR_LABEL"]


def test_unusable_files_are_listed_and_the_build_goes_on(client, people, finish, astronaut_jpeg):
    bad = {
        "Person 0/empty.jpg": (b"", "EMPTY_FILE"),
        "Person 0/text.jpg": (b"not a picture, whatever it is called", "NOT_AN_IMAGE"),
        "Person 1/cut.jpg": (astronaut_jpeg[: len(astronaut_jpeg) // 4], "DAMAGED_IMAGE"),
    }
    files = people.files() + [(io.BytesIO(content), name) for name, (content, _) in bad.items()]
    identity = build(client, files).json["id"]
    finish()
    assert client.get(f"/is_available?id={identity}").json["available"] == 1
    images = client.get(f"/v1/recognizers/{identity}/images").json["images"]
    assert {image["file"]: image["reason"] for image in images if image["reason"]} == {
        name: reason for name, (_, reason) in bad.items()
    }
    assert all(image["message"] for image in images if image["reason"])
    assert sum(any(face["person"] for face in image["faces"]) for image in images) == 12


def refusal(answer) -> tuple[int, str]:
    assert answer.json["status"] == 1
    return answer.status_code, answer.json["error"]["code"]


def test_what_is_refused_at_once(client, people, astronaut_jpeg):
    def picture(name):
        return (io.BytesIO(astronaut_jpeg), name)

    assert refusal(client.post("/build_recognizer")) == (400, "invalid_request")
    assert refusal(client.post("/build_recognizer", data={"name": "x"})) == (400, "invalid_request")
    assert refusal(client.post("/build_recognizer", data={"images": "a.jpg"})) == (400, "invalid_request")
    assert refusal(client.post("/build_recognizer", data={"picture": picture("a.jpg")})) == (400, "invalid_request")
    assert refusal(build(client, [(io.BytesIO(b""), "a.jpg"), (io.BytesIO(b"x"), "b.jpg")])) == (422, "nothing_usable")
    assert refusal(build(client, [(io.BytesIO(b"PK\x03\x04 nonsense"), "a.zip")])) == (415, "unsupported_media")
    assert refusal(client.get("/is_available?id=unknown")) == (404, "not_found")
    assert refusal(client.get("/download_recognizer")) == (400, "invalid_request")
    assert refusal(client.post("/recognize?id=unknown", data={"image": picture("a.jpg")})) == (404, "not_found")
    assert client.get("/is_available").status_code == 404, "nothing of all that became a build"


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("target_fpir", "often", "target_fpir"),
        ("target_fpir", "2", "target_fpir"),
        ("target_fpir", "nan", "target_fpir"),
        ("seed", "-1", "seed"),
        ("keep_images", "maybe", "keep_images"),
        ("label_from", "stars", "label_from"),
        ("optimize", "maybe", "optimize"),
        ("generations", "0", "generations"),
        ("generations", "201", "generations"),
        ("population", "3", "population"),
        ("population", "1000", "population"),
        ("time_budget_s", "0", "time_budget_s"),
        ("time_budget_s", "inf", "time_budget_s"),
        ("time_budget_s", "nan", "time_budget_s"),
        ("max_layers", "0", "max_layers"),
        ("max_layers", "99", "max_layers"),
        ("optimise", "1", "There is no option 'optimise'"),
        ("seed", ["1", "2"], "more than once"),
    ],
)
def test_a_malformed_option_is_refused_by_name(client, people, field, value, sentence):
    answer = build(client, people.files(), **{field: value})
    assert refusal(answer) == (400, "invalid_request")
    assert sentence in answer.json["error"]["message"]


@pytest.mark.parametrize(("value", "kept"), [("false", False), ("0", False), ("true", True), ("1", True)])
def test_pictures_are_kept_only_when_asked(client, people, finish, workplace, value, kept):
    build(client, people.files(), keep_images=value)
    finish()
    assert len([path for path in workplace.storage.images.rglob("*") if path.is_file()]) == (12 if kept else 0)
    assert not any(workplace.storage.incoming.iterdir())


def test_a_request_that_is_refused_leaves_no_file(client, workplace, astronaut_jpeg):
    build(client, [(io.BytesIO(b""), "Alice/1.jpg"), (io.BytesIO(b"text"), "Bob/1.jpg")])
    build(client, [(io.BytesIO(astronaut_jpeg), "Alice/1.jpg")], seed="no")
    files = [path.name for path in workplace.settings.data_dir.rglob("*") if path.is_file()]
    assert [name for name in files if "sqlite" not in name] == ["audit.jsonl"], "that it was refused is written down"


def test_a_request_over_the_limit_is_refused(make_client):
    small = make_client(max_request_mb=1)
    # As one body: the test client would leave a file open that holds a form of this size.
    boundary, body = encode_multipart({"images": FileStorage(io.BytesIO(b"\0" * (2 << 20)), "a.jpg")})
    answer = small.post("/build_recognizer", data=body, content_type=f"multipart/form-data; boundary={boundary}")
    assert refusal(answer) == (413, "too_large")
    assert small.get("/is_alive").status_code == 200


def test_overload_says_when_to_come_back(make_client, people):
    full = make_client(max_queued_builds=1)
    assert build(full, people.files()).status_code == 202
    answer = build(full, people.files())
    assert refusal(answer) == (503, "overloaded")
    assert int(answer.headers["Retry-After"]) > 0


def test_without_a_dispatcher_builds_are_accepted_and_recognitions_put_off(client, people, finish, astronaut_jpeg):
    identity = build(client, people.files()).json["id"]
    finish()
    answer = client.post(f"/recognize?id={identity}", data={"image": (io.BytesIO(astronaut_jpeg), "a.jpg")})
    assert refusal(answer) == (503, "overloaded")
    assert client.get("/v1/readyz").status_code == 503


def test_a_training_taken_over_halfway_is_not_committed_twice(client, people, workplace, finish):
    identity = build(client, people.files()).json["id"]
    encoding = tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a")
    tasks.release(workplace.database, "encode-0", tasks.Ending.INTERRUPTED)
    runner.run(workplace, encoding)  # the one that was thought dead comes back
    assert builds.status(workplace.database, identity).done == 0
    finish()
    assert builds.status(workplace.database, identity).is_ready
