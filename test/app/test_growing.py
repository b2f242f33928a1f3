"""Recognizers that change: people added, renamed, joined, split, forgotten, each time as a new version."""

import functools
import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import select

from constants.exceptions import Conflict
from features import store
from features.store import Shelf
from jobs.table import builds, tasks
from jobs.table.records import files_where
from jobs.table.tables import DEFAULT_TENANT, TaskKind, files
from jobs.versions import relabelling
from jobs.versions.relabelling import Correction
from jobs.work import runner
from preprocessor.version import pipeline_version
from test.conftest import jpeg

#: Bytes of the disk that a version takes beside another one of the same recognizer.
MOST_OF_A_VERSION = 1_000_000


def sent(*pictures):
    """Files as the test client sends them, from (name, content)."""
    return {"images": [(io.BytesIO(content), name) for name, content in pictures]}


def create(client, finish, data, **options) -> str:
    answer = client.post("/v1/recognizers", data=data | options)
    assert answer.status_code == 202, answer.json
    finish()
    return answer.json["id"]


@pytest.fixture
def built(client, people, finish) -> str:
    """Ada, Ben and Cleo, with four pictures each."""
    files_ = [(f"{name}/{i}.jpg", people.picture(name)) for name in ("Ada", "Ben", "Cleo") for i in range(4)]
    return create(client, finish, sent(*files_))


def labels(client, recognizer, version="latest") -> dict[str, int]:
    shown = client.get(f"/v1/recognizers/{recognizer}?version={version}").json
    return {person["label"]: person["faces"] for person in shown["people"]}


def sha256s(workplace, recognizer) -> list[str]:
    """What the table says of the bundles of all versions."""
    query = select(builds.builds.c.bundle_sha256).where(builds.builds.c.recognizer_id == recognizer)
    with workplace.database.read() as connection:
        return list(connection.scalars(query.order_by(builds.builds.c.version)))


def on_disk(workplace, recognizer, but: str = "/") -> int:
    """Bytes that a recognizer's bundles take, each file counted once; those of names that begin so left out."""
    files = [path for path in (workplace.storage.bundles / recognizer).iterdir() if not path.name.startswith(but)]
    return sum({path.stat().st_ino: path.stat().st_size for path in files}.values())


def encodings(workplace, recognizer, person) -> list[bytes]:
    """The bytes of the encodings that stand for a person in any version."""
    shelf, found = Shelf(DEFAULT_TENANT, pipeline_version(workplace.settings)), []
    with workplace.database.read() as connection:
        numbers = select(builds.builds.c.number).where(builds.builds.c.recognizer_id == recognizer)
        sent = files_where(connection, select(files.c.id).where(files.c.build.in_(numbers)))
        features = store.get(connection, shelf, {file.content_hash for file in sent})
        for file in sent:
            own = {face.index for face in file.faces if face.person == person}
            kept = features[file.content_hash].only(own).faces
            found += [np.asarray(face.encoding, "<f4").tobytes() for face in kept]
    return found


def everything(workplace) -> bytes:
    """Every byte of every file in the data folder, the database and its journal included."""
    return b"".join(path.read_bytes() for path in workplace.settings.data_dir.rglob("*") if path.is_file())


def test_pictures_are_added_and_the_older_version_stays(client, built, people, finish, workplace):
    more = sent(("Dora/1.jpg", people.picture("Dora")), ("Dora/2.jpg", people.picture("Dora")))
    more["images"].append((io.BytesIO(people.picture("Ada")), "ada/9.jpg"))
    answer = client.post(f"/v1/recognizers/{built}/people", data=more)
    assert (answer.status_code, answer.json["version"]) == (202, 2)
    assert answer.headers["Location"] == f"/v1/recognizers/{built}?version=2"
    during = client.get(f"/is_available?id={built}").json
    assert (during["available"], during["message"]) == (1, "ready: 3 people from 12 faces"), "the older one is used"
    assert client.get(f"/is_available?id={built}&version=2").json["available"] == 0
    assert client.get("/is_available").json["available"] == 0, "the newest build of all"
    # As after a restart with other settings: the new version's encodings are of the same kind as the others.
    runner.run_all(replace(workplace, settings=workplace.settings.model_copy(update={"views": 1})))
    assert labels(client, built) == {"Ada": 5, "Ben": 4, "Cleo": 4, "Dora": 2}
    assert labels(client, built, 1) == {"Ada": 4, "Ben": 4, "Cleo": 4}
    shown = client.get(f"/v1/recognizers/{built}").json
    assert [(one["version"], one["state"]) for one in shown["versions"]] == [(1, "ready"), (2, "ready")]
    assert len(client.get("/v1/recognizers").json["recognizers"]) == 1
    downloads = [client.get(f"/download_recognizer?id={built}&version={version}").data for version in (1, 2)]
    assert [hashlib.sha256(bundle).hexdigest() for bundle in downloads] == sha256s(workplace, built)
    assert client.get(f"/download_recognizer?id={built}&version=2").data == downloads[1]
    assert on_disk(workplace, built) - on_disk(workplace, built, but="2-") < MOST_OF_A_VERSION < len(downloads[1]) / 30
    old, new = (client.get(f"/download_recognizer?id={built}&version={v}&format=head").data for v in (1, 2))
    assert old != new == client.get(f"/v1/recognizers/{built}/model?format=head").data
    compared = client.get(f"/v1/recognizers/{built}/compare?from=1&to=2").json
    assert compared["people"] == {
        "added": ["Dora"],
        "removed": [],
        "renamed": [],
        "faces": [{"label": "Ada", "from": 4, "to": 5}],
    }
    assert (compared["from"]["people"], compared["to"]["people"], compared["to"]["faces"]) == (3, 4, 15)
    assert client.delete(f"/v1/recognizers/{built}?version=2").status_code == 204
    assert client.get(f"/download_recognizer?id={built}").data == downloads[0]
    assert [path.stat().st_nlink for path in (workplace.storage.bundles / built).iterdir()] == [1, 1]
    assert client.get(f"/v1/recognizers/{built}").json["version"] == 1
    assert client.get(f"/v1/recognizers/{built}?version=2").status_code == 410
    assert client.get(f"/v1/recognizers/{built}?version=3").status_code == 404


def test_a_version_that_fails_leaves_the_one_before(client, built, people, finish, astronaut):
    faceless = sent(("Dora/1.jpg", jpeg(astronaut[400:500, :100])))
    assert client.post(f"/v1/recognizers/{built}/people", data=faceless).json["version"] == 2
    finish()
    failed = client.get(f"/v1/recognizers/{built}?version=2").json
    assert (failed["state"], failed["people"]) == ("failed", [])
    assert "none" in failed["message"].lower() or "no face" in failed["message"].lower()
    assert client.get(f"/v1/recognizers/{built}").json["version"] == 1
    assert client.get(f"/is_available?id={built}").json["available"] == 1


def test_changes_that_cannot_be_are_refused(client, built):
    people_url = f"/v1/recognizers/{built}/people"
    for label, change, status in (
        ("Nobody", {"label": "X"}, 404),
        ("Ada", {"label": "  "}, 400),
        ("Ada", {"label": "X", "face": [[0, 0]]}, 400),
        ("Ada", {"label": "X", "faces": []}, 400),
        ("Ada", {"label": "X", "faces": [[0]]}, 400),
        ("Ada", {"label": "X", "faces": [[0, 1]]}, 400),
        ("Ada", {"label": "X", "faces": [["Ben/0.jpg", 0]]}, 400),
        ("Ada", {"label": "x" * 300}, 400),
        ("Ada", ["X"], 400),
    ):
        answer = client.patch(f"{people_url}/{label}", json=change)
        assert answer.status_code == status, (change, answer.json)
    assert client.delete(f"{people_url}/Nobody").status_code == 404
    assert client.post(people_url, data={"images": []}).status_code == 400
    for version in ("0x1", "-1", "²", "9" * 30, ""):
        assert client.get(f"{people_url}?version={version}").status_code == 400
    assert [one["version"] for one in client.get(f"/v1/recognizers/{built}").json["versions"]] == [1]


def test_an_edit_while_a_version_is_made_is_refused(client, built, people, workplace, finish):
    url = f"/v1/recognizers/{built}"
    with ThreadPoolExecutor(4) as pool:
        change = functools.partial(relabelling.relabel, workplace.database, built)
        edits = [pool.submit(change, [Correction("Ada", f"Ada {number}")]) for number in range(4)]
    refused = [edit.exception() for edit in edits if edit.exception()]
    assert [type(error) for error in refused] == [Conflict] * 3, "of edits at once one is accepted"
    training = tasks.claim(workplace.database, TaskKind.TRAIN, "train-0:a")
    for answer in (
        client.patch(f"{url}/people/Ben", json={"label": "Benno"}),
        client.delete(f"{url}/people/Ben"),
        client.post(f"{url}/people", data=sent(("Dora/1.jpg", people.picture("Dora")))),
    ):
        assert (answer.status_code, answer.json["code"]) == (409, "conflict")
    assert not any(workplace.storage.incoming.iterdir())
    # Deleting is never refused: what is being made comes to nothing.
    assert client.delete(url).status_code == 204
    runner.run(workplace, training)
    assert client.get(url).status_code == 410
    assert not any(workplace.storage.bundles.iterdir())


def test_renaming_joining_and_splitting_encode_nothing(client, people, finish, workplace):
    recognizer = create(client, finish, {"images": people.files(people=4, each=3, folders=False)})
    url = f"/v1/recognizers/{recognizer}"
    images = client.get(f"{url}/images").json["images"]
    own = {
        name: [(i["number"], f["face"]) for i in images for f in i["faces"] if f["person"] == name]
        for name in labels(client, recognizer)
    }
    typical = {person["label"]: person["typical"] for person in client.get(f"{url}/people").json["people"]}
    assert all((typical[name]["number"], typical[name]["face"]) in own[name] for name in own)

    assert client.patch(f"{url}/people/PERSON-2", json={"label": "Person-1"}).status_code == 202
    assert tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a") is None
    finish()
    assert labels(client, recognizer) == {"person-1": 6, "person-3": 3, "person-4": 3}

    (number, face), *others = own["person-2"]
    split = [[images[number]["file"], face], *map(list, others)]
    answer = client.patch(f"{url}/people/person-1", json={"label": "Ben/Benno", "faces": split})
    assert answer.status_code == 202, answer.json
    finish()
    assert labels(client, recognizer) == {"person-1": 3, "Ben/Benno": 3, "person-3": 3, "person-4": 3}

    changes = {to: client.get(f"{url}/compare?from=1&to={to}").json["people"] for to in (2, 3)}
    assert changes[2]["renamed"] == [{"from": "person-2", "to": "person-1"}]
    assert changes[3] == {
        "added": [],
        "removed": [],
        "renamed": [{"from": "person-2", "to": "Ben/Benno"}],
        "faces": [],
    }
    assert client.patch(f"{url}/people/ben%2Fbenno", json={"label": " Ben  N. "}).status_code == 202


def test_several_corrections_make_one_version(client, people, finish):
    names = [f"{name}/{number}.jpg" for name in ("Ada", "Ben", "Cleo", "Dora") for number in range(3)]
    files_ = [(name, people.picture("Ada" if name == "Ben/2.jpg" else name.split("/")[0])) for name in names]
    recognizer = create(client, finish, sent(*files_))
    url = f"/v1/recognizers/{recognizer}"
    corrections = [
        {"person": "Ben", "label": "Benno"},
        {"person": "ben", "label": "Ada", "faces": [["Ben/2.jpg", 0]]},
        {"person": "Cleo", "label": None, "faces": [[6, 0]]},
        {"person": "Dora", "label": "CLEO"},
    ]
    answer = client.post(f"{url}/corrections", json={"corrections": corrections})
    assert (answer.status_code, answer.json["version"]) == (202, 2)
    finish()
    assert labels(client, recognizer) == {"Ada": 4, "Benno": 2, "Cleo": 5}
    images = client.get(f"{url}/images").json["images"]
    assert [(image["file"], image["reason"]) for image in images if image["reason"]] == [("Cleo/0.jpg", "LEFT_OUT")]
    assert images[5]["label"] == "Ada" and images[5]["faces"][0]["choice"] == "correction"
    assert labels(client, recognizer, "1") == {"Ada": 3, "Ben": 3, "Cleo": 3, "Dora": 3}
    # It stays so in every version after that one, and not everybody can be left out.
    client.post(f"{url}/corrections", json={"corrections": [{"person": "Benno", "label": None}]})
    finish()
    assert labels(client, recognizer) == {"Ada": 4, "Cleo": 5}
    everybody = [{"person": "Ada", "label": None}, {"person": "Cleo", "label": None}]
    assert client.post(f"{url}/corrections", json={"corrections": everybody}).status_code == 409
    for wrong in (
        [],
        [{"person": "Ada"}],
        [{"person": "Ada", "label": " "}],
        [{"person": "Ada", "label": "X", "x": 1}],
    ):
        assert client.post(f"{url}/corrections", json={"corrections": wrong}).status_code == 400, wrong
    assert client.post(f"{url}/corrections", json={"corrections": [{"person": "Eve", "label": "X"}]}).status_code == 404


def test_a_forgotten_person_leaves_no_byte(client, people, finish, workplace):
    group = people.picture("Ada", "Ben")
    pictures = [(f"{name}/{i}.jpg", people.picture(name)) for name in ("Ada", "Ben", "Cleo") for i in range(30)]
    # A picture of two, sent for one of them; and one of Ben, sent for nobody.
    pictures += [("Ada/group.jpg", group), ("heap.jpg", people.picture("Ben"))]
    recognizer = create(client, finish, sent(*pictures), keep_images="1")
    url = f"/v1/recognizers/{recognizer}"
    client.post(f"{url}/people", data=sent(("Dora/1.jpg", people.picture("Dora"))))
    finish()
    bens, adas = encodings(workplace, recognizer, "Ben"), encodings(workplace, recognizer, "Ada")
    with workplace.database.read() as connection:
        shelf = Shelf(DEFAULT_TENANT, pipeline_version(workplace.settings))
        (image,) = store.get(connection, shelf, [hashlib.sha256(group).hexdigest()]).values()
        bens.append(np.asarray(image.faces[1].encoding, "<f4").tobytes())
    before = everything(workplace)
    assert len(set(bens)) == 32 and all(encoding in before for encoding in bens)

    answer = client.delete(f"{url}/people/ben")
    assert answer.status_code == 202
    receipt = answer.json
    assert (receipt["label"], receipt["versions"], receipt["version"], receipt["faces"]) == ("Ben", [1, 2], 3, 32)
    assert set(receipt["files"]) == {f"Ben/{i}.jpg" for i in range(30)} | {"Ada/group.jpg", "heap.jpg"}
    assert receipt["kept"] == receipt["kept_for"] == []
    assert client.get(f"{url}/model").status_code == 409, "every version was built with Ben"

    for moment in ("at once", "after the new version"):
        after = everything(workplace)
        assert [encoding for encoding in bens if encoding in after] == [], moment
        assert all(encoding in after for encoding in adas), moment
        assert b"Ben/0.jpg" not in after
        finish()
    assert labels(client, recognizer) == {"Ada": 31, "Cleo": 30, "Dora": 1}
    assert not any(path.is_file() for path in workplace.storage.images.rglob("*"))
    shown = client.get(f"{url}/images").json["images"]
    assert next(len(image["faces"]) for image in shown if image["file"] == "Ada/group.jpg") == 1
    assert client.delete(f"{url}/people/Ben").status_code == 404
    assert client.get(f"{url}?version=1").status_code == 410


def test_a_version_that_never_had_the_person_stays(client, built, people, finish, workplace):
    url = f"/v1/recognizers/{built}"
    both = people.picture("Dora", "Ada")
    pictures = [("Dora/1.jpg", people.picture("Dora")), ("Dora/2.jpg", people.picture("Dora")), ("Ada/both.jpg", both)]
    client.post(f"{url}/people", data=sent(("Ada/both.jpg", both)))
    finish()
    client.post(f"{url}/people", data=sent(*pictures[:2], ("Dora/both.jpg", both)))
    finish()
    assert labels(client, built) == {"Ada": 5, "Ben": 4, "Cleo": 4, "Dora": 3}
    doras = encodings(workplace, built, "Dora")
    receipt = client.delete(f"{url}/people/Dora").json
    assert (receipt["versions"], receipt["version"]) == ([3], 4)
    assert client.get(f"{url}").json["version"] == 2, "the newest that is ready"
    assert not [encoding for encoding in doras if encoding in everything(workplace)]
    assert labels(client, built) == {"Ada": 5, "Ben": 4, "Cleo": 4}
    (image,) = [one for one in client.get(f"{url}/images").json["images"] if one["file"] == "Ada/both.jpg"]
    assert [face["person"] for face in image["faces"]] == ["Ada"]


def test_what_another_recognizer_was_sent_too_stays_there(client, people, finish, workplace):
    pictures = [(f"{name}/{i}.jpg", people.picture(name)) for name in ("Ada", "Ben", "Cleo") for i in range(2)]
    one, other = (create(client, finish, sent(*pictures)) for _ in range(2))
    before = encodings(workplace, other, "Ben")
    receipt = client.delete(f"/v1/recognizers/{one}/people/Ben").json
    assert (receipt["files"], receipt["faces"], receipt["kept"]) == ([], 0, ["Ben/0.jpg", "Ben/1.jpg"])
    assert receipt["kept_for"] == [{"file": name, "recognizers": [other]} for name in receipt["kept"]]
    assert encodings(workplace, other, "Ben") == before
    client.delete(f"/v1/recognizers/{other}")
    assert not [encoding for encoding in before if encoding in everything(workplace)]


def test_two_labels_of_one_person_become_one_who_is_not_forgotten_alone(client, people, finish):
    recognizer = create(client, finish, {"images": people.files(people=2, each=2)})
    url = f"/v1/recognizers/{recognizer}/people"
    assert client.patch(f"{url}/Person 1", json={"label": "Person 0"}).status_code == 202
    finish()
    shown = client.get(f"/v1/recognizers/{recognizer}").json
    assert (shown["state"], shown["people"]) == ("ready", [{"label": "Person 0", "faces": 4}])
    refused = client.delete(f"{url}/Person 0")
    assert refused.status_code == 409 and "delete the recognizer" in refused.json["detail"]


def test_who_polls_hears_of_the_version_that_is_being_made(client, pictures, people, finish):
    recognizer = client.post("/build_recognizer", data=sent(*pictures)).json["id"]
    finish()
    path = f"/is_available?id={recognizer}"
    assert "making" not in client.get(path).json
    more = sent(*[(f"Cleo/{number}.jpg", people.picture("Cleo")) for number in range(2)])
    assert client.post(f"/v1/recognizers/{recognizer}/people", data=more).status_code == 202
    said = client.get(path).json
    assert (said["available"], said["version"], said["making"]) == (1, 1, 2)
    busy = client.delete(f"/v1/recognizers/{recognizer}/people/Ben")
    unready = client.get(f"/v1/recognizers/{recognizer}/model?version=2")
    assert [(answer.status_code, int(answer.headers["Retry-After"]) > 0) for answer in (busy, unready)] == [
        (409, True),
        (409, True),
    ]
    finish()
    said = client.get(path).json
    assert (said["version"], "making" in said) == (2, False)
    assert "-v2.zip" in client.get(f"/download_recognizer?id={recognizer}").headers["Content-Disposition"]


def test_the_message_says_what_was_left_out(client, pictures, finish):
    recognizer = client.post("/build_recognizer", data=sent(*pictures, ("Ben/x.jpg", b"no picture"))).json["id"]
    finish()
    message = client.get(f"/is_available?id={recognizer}").json["message"]
    assert message == f"ready: 2 people from 4 faces; 1 file was not used: see /v1/recognizers/{recognizer}/images"


def test_a_wrong_method_is_told_the_right_one(client):
    refused = client.get("/build_recognizer")
    assert refused.status_code == 405
    assert refused.json["error"]["message"] == "GET is not for this address, which takes POST."
