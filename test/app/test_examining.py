"""What a build, or a dry run, says about the pictures that were sent."""

import hashlib
import io
import json

import numpy as np
import pytest

from features import store
from features.store import Shelf
from jobs.table.tables import DEFAULT_TENANT
from preprocessor.version import pipeline_version

#: A form's field with which nothing is trained, which is quick.
DRY = {"dry_run": "1"}


def sent(*pictures):
    return {"images": [(io.BytesIO(content), name) for name, content in pictures]}


@pytest.fixture
def heap(people) -> list[tuple[str, bytes]]:
    """Two people with six pictures each; one of Ada's shows Ben, another is a copy; and one of Eve."""
    pictures = [(f"{name}/{i}.jpg", people.picture(name)) for name in ("Ada", "Ben") for i in range(6)]
    return [
        *pictures,
        ("Ada/wrong.jpg", people.picture("Ben")),
        ("Ada/again.jpg", pictures[0][1]),
        ("Eve/1.jpg", people.picture("Eve")),
        ("Eve/text.jpg", b"no picture"),
    ]


def by_file(client, recognizer) -> dict:
    images = client.get(f"/v1/recognizers/{recognizer}/images").json["images"]
    return {image["file"]: image for image in images}


def test_a_dry_run_says_what_a_build_would_find_and_keeps_no_face(client, heap, finish, workplace):
    answer = client.post("/v1/recognizers?dry_run=1", data=sent(*heap))
    assert answer.status_code == 202
    recognizer = answer.json["id"]
    url = f"/v1/recognizers/{recognizer}"
    finish()
    shown = client.get(f"/is_available?id={recognizer}").json
    assert (shown["available"], shown["state"]) == (0, "examined")
    left_out = f"2 files were not used, 1 label looks doubtful: see {url}/images"
    assert shown["message"] == f"examined: 3 people from 14 faces; {left_out}"
    refused = client.get(f"/download_recognizer?id={recognizer}")
    assert refused.status_code == 409
    assert "dry run" in refused.json["error"]["message"]
    images = by_file(client, recognizer)
    (wrong,) = images["Ada/wrong.jpg"]["faces"]
    assert wrong["suspect"] and wrong["wrong"] > 0.9
    assert (wrong["person"], wrong["resembles"]) == ("Ada", "Ben")
    assert wrong["box"] == {"x_min": 5, "y_min": 5, "x_max": 35, "y_max": 35}
    assert images["Ada/again.jpg"]["duplicate_of"] == "Ada/0.jpg"
    assert images["Eve/text.jpg"]["reason"] == "NOT_AN_IMAGE"
    people = {person["label"]: person for person in client.get(f"{url}/people").json["people"]}
    assert [(p["faces"], p["suspects"], p["has_few"]) for p in people.values()] == [
        (7, 1, False),
        (6, 0, False),
        (1, 0, True),
    ]
    assert people["Ada"]["typical"]["file"].startswith("Ada/") and people["Ada"]["typical"]["face"] == 0
    with workplace.database.read() as connection:
        hashes = {hashlib.sha256(content).hexdigest() for _, content in heap}
        assert store.get(connection, Shelf(DEFAULT_TENANT, pipeline_version(workplace.settings)), hashes) == {}
    assert not any(path.is_file() for path in workplace.storage.images.rglob("*"))
    assert not any(workplace.storage.bundles.iterdir())
    assert client.patch(f"{url}/people/Ada", json={"label": "X"}).status_code == 409
    assert client.delete(url).status_code == 204


def test_a_dry_run_takes_nothing_from_a_build_of_the_same_pictures(client, heap, finish):
    client.post("/v1/recognizers?dry_run=1", data=sent(*heap))
    recognizer = client.post("/v1/recognizers", data=sent(*heap)).json["id"]
    finish()  # the dry run ends first
    assert client.get(f"/v1/recognizers/{recognizer}").json["state"] == "ready"
    assert by_file(client, recognizer)["Ada/wrong.jpg"]["faces"][0]["suspect"]


def test_a_dry_run_says_how_few_would_remain(client, people, finish, astronaut_jpeg):
    pictures = [("Ada/1.jpg", people.picture("Ada")), ("Ben/1.jpg", people.picture())]
    recognizer = client.post("/v1/recognizers", data=sent(*pictures) | {"dry_run": "true"}).json["id"]
    finish()
    shown = client.get(f"/v1/recognizers/{recognizer}").json
    assert shown["state"] == "examined"
    assert "1 person from 1 face" in shown["message"]
    assert by_file(client, recognizer)["Ben/1.jpg"]["reason"] == "NO_FACE"


def test_probable_wrong_labels_are_left_out_when_asked(client, heap, finish):
    recognizer = client.post("/v1/recognizers?exclude_suspects=1&dry_run=1", data=sent(*heap)).json["id"]
    finish()
    message = client.get(f"/v1/recognizers/{recognizer}").json["message"]
    assert message.startswith("examined: 3 people from 13 faces; 2 files were not used, 1 label looks doubtful")
    left_out = by_file(client, recognizer)["Ada/wrong.jpg"]
    assert (left_out["reason"], left_out["faces"][0]["person"]) == ("SUSPECT_LABEL", None)


def test_a_manifest_says_who_is_where(client, people, finish):
    both = people.picture("Ada", "Ben")
    pictures = [("both.jpg", both)] + [(f"{n}{i}.jpg", people.picture(n)) for n in ("Ada", "Ben") for i in range(3)]
    manifest = [
        {"file": "both.jpg", "person": "Ben", "box": [40, 0, 80, 40]},
        {"file": "both.jpg", "person": "Ada", "box": [0, 0, 40, 40]},
        {"file": "Ada0.jpg", "person": "Ada"},
        {"file": "Ben0.jpg", "person": "Ben"},
    ]
    as_file = {"manifest": (io.BytesIO(json.dumps(manifest).encode()), "people.json")}
    recognizer = client.post("/v1/recognizers", data=sent(*pictures) | as_file | DRY).json["id"]
    finish()
    people_of = {
        (image["file"], image["label"]): [face["person"] for face in image["faces"]]
        for image in client.get(f"/v1/recognizers/{recognizer}/images").json["images"]
    }
    assert people_of[("both.jpg", "Ada")] == ["Ada", None]
    assert people_of[("both.jpg", "Ben")] == [None, "Ben"]
    # Those without a label join the people whom they resemble.
    assert people_of[("Ada2.jpg", None)] == ["Ada"]
    assert people_of[("Ben1.jpg", None)] == ["Ben"]


def test_a_box_without_a_face_is_said_so(client, people, finish):
    pictures = [(f"{n}{i}.jpg", people.picture(n)) for n in ("Ada", "Ben") for i in range(2)]
    manifest = "file,person,box\nAda0.jpg,Ada,\nAda1.jpg,Ada,38 38 40 40\nBen0.jpg,Ben,\nBen1.jpg,Ben,\n"
    recognizer = client.post("/v1/recognizers", data=sent(*pictures) | {"manifest": manifest} | DRY).json["id"]
    finish()
    assert by_file(client, recognizer)["Ada1.jpg"]["reason"] == "NO_FACE_FOR_LABEL"


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        ("file;person\nnone.jpg;Ada\n", "no file that was sent has"),
        ("person\nAda\n", "'file'"),
        (["file,person\n1.jpg,A\n"] * 2, "Send one manifest"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(client, people, workplace, manifest, sentence):
    data = {"images": people.files(people=2, each=1), "manifest": manifest}
    answer = client.post("/build_recognizer", data=data)
    assert answer.status_code == 400
    assert sentence in answer.json["error"]["message"]
    assert not any(workplace.storage.incoming.iterdir())


def test_other_faces_of_labelled_pictures_join_when_asked(client, people, finish):
    pictures = [(f"Ada/{i}.jpg", people.picture("Ada", "Ben")) for i in range(3)]
    pictures += [(f"Ada/{i + 3}.jpg", people.picture("Ada")) for i in range(3)]
    pictures.append(("Cleo/1.jpg", people.picture("Cleo")))
    data = sent(*pictures) | {"use_other_faces": "1"} | DRY
    recognizer = client.post("/v1/recognizers", data=data).json["id"]
    finish()
    shown = client.get(f"/v1/recognizers/{recognizer}/people").json
    assert {person["label"]: person["faces"] for person in shown["people"]} == {"Ada": 6, "Cleo": 1, "person-1": 3}


def test_quality_is_told_where_it_was_measured(client, finish, astronaut_jpeg, people):
    pictures = [("Ada/1.jpg", people.picture("Ada")), ("Eileen/1.jpg", astronaut_jpeg)]
    recognizer = client.post("/v1/recognizers?dry_run=1", data=sent(*pictures)).json["id"]
    finish()
    images = by_file(client, recognizer)
    assert images["Ada/1.jpg"]["faces"][0]["quality"] is None
    quality = images["Eileen/1.jpg"]["faces"][0]["quality"]
    assert 0 < quality["sharpness"] <= 1
    assert 0 < quality["brightness"] < 255
    assert np.isfinite([quality["yaw"], quality["pitch"]]).all()
