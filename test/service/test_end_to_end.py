"""The whole service on real faces: pictures in, model out, over HTTP, with workers killed on the way."""

import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from features.labelled_face import labelled_face
from features.store import FaceFeatures, ImageFeatures
from test.service.running import ROOT, running, wait_for

pytestmark = pytest.mark.thorough

#: Views of each person in the portraits' gallery that are enrolled; the others are to be recognized.
ENROLLED = 40
#: People of the data set, pictures of each that are enrolled, and strangers.
MANY, EACH, STRANGERS = 20, 8, 200

#: Photos in one request.
BATCH = 20


@pytest.fixture(scope="module")
def known(gallery) -> dict[str, list[Path]]:
    """People with pictures to enrol and others to be recognized by."""
    return {folder.name: sorted(folder.iterdir()) for folder in sorted(gallery.iterdir())}


def enrolment(known, people=None, each=ENROLLED):
    return [
        (f"{name}/{picture.name}", picture.read_bytes())
        for name, pictures in list(known.items())[:people]
        for picture in pictures[:each]
    ]


def names(service, recognizer, photos):
    """Who the person is whom each photo is about; None for a stranger, or where no face is found."""
    found = []
    for start in range(0, len(photos), BATCH):
        some = [(photo.name, photo.read_bytes()) for photo in photos[start : start + BATCH]]
        status, answer = service.post(f"/recognize?id={recognizer}", "image", some)
        assert status == 200, answer
        found += [subject(image) for image in answer["images"]]
    return found


def subject(image):
    faces = image["faces"]
    if not faces:
        return None
    boxes = [tuple(face["box"][side] for side in ("x_min", "y_min", "x_max", "y_max")) for face in faces]
    kept = tuple(FaceFeatures(box, 0.0, None, None) for box in boxes)
    return faces[labelled_face(ImageFeatures(image["width"], image["height"], kept))]["person"]


@pytest.fixture(scope="module")
def built(tmp_path_factory, known):
    """A service, and a recognizer in it during whose build an encode worker was killed."""
    folder = tmp_path_factory.mktemp("service")
    with running(folder / "data", folder / "log") as service:
        status, accepted = service.post("/build_recognizer", "images", enrolment(known))
        assert status == 202
        recognizer = accepted["id"]
        # Killed once while pictures are encoded: what it held must be taken up by another.
        wait_for(lambda: service.get("/is_available")[1]["progress"]["done"] >= 10, "the first pictures")
        during = service.get("/is_available")[1]
        os.kill(service.processes("worker encode")[0], signal.SIGKILL)
        ended = service.wait_until_built(recognizer)
        assert during["state"] == "encoding", "the worker was killed too late to show anything"
        assert ended["state"] == "ready", ended
        yield service, recognizer


def test_every_picture_was_encoded_although_a_worker_was_killed(built, known):
    service, recognizer = built
    images = service.get(f"/v1/recognizers/{recognizer}/images")[1]["images"]
    assert len(images) == len(known) * ENROLLED
    assert [image for image in images if image["state"] != "encoded"] == []
    assert [image for image in images if not any(face["person"] for face in image["faces"])] == []


def test_other_pictures_of_the_same_people_are_named_right(built, known):
    service, recognizer = built
    probes = [(name, photo) for name, pictures in known.items() for photo in pictures[ENROLLED:]]
    found = names(service, recognizer, [photo for _, photo in probes])
    right = sum(name == person for (name, _), person in zip(probes, found, strict=True))
    assert right / len(probes) >= 0.98, f"{right} of {len(probes)}"


def test_many_people_are_told_apart_and_strangers_refused(built, lfw):
    service, _ = built
    folders = {folder.name: sorted(folder.iterdir()) for folder in sorted(lfw.iterdir())}
    many = dict([(name, own) for name, own in folders.items() if len(own) >= EACH + 4][:MANY])
    recognizer = service.post("/build_recognizer", "images", enrolment(many, each=EACH))[1]["id"]
    assert service.wait_until_built(recognizer)["state"] == "ready"
    probes = [(name, photo) for name, own in many.items() for photo in own[EACH:]]
    found = names(service, recognizer, [photo for _, photo in probes])
    right = sum(name == person for (name, _), person in zip(probes, found, strict=True))
    assert right / len(probes) >= 0.98, f"{right} of {len(probes)}"
    single = [own[0] for own in folders.values() if len(own) == 1]
    strangers = single[:: len(single) // STRANGERS][:STRANGERS]
    found = names(service, recognizer, strangers)
    assert sum(person is not None for person in found) / len(strangers) <= 0.05


def test_the_download_works_without_the_service(built, known, tmp_path):
    service, recognizer = built
    bundle = tmp_path / "family.zip"
    bundle.write_bytes(service.get(f"/download_recognizer?id={recognizer}&format=bundle")[1])
    name, pictures = next(iter(known.items()))
    command = [sys.executable, "run.py", "recognize", str(bundle), str(pictures[ENROLLED]), "--json"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    _, served = service.post(f"/recognize?id={recognizer}", "image", [("photo", pictures[ENROLLED].read_bytes())])
    offline = json.loads(printed)
    assert offline["faces"] == served["images"][0]["faces"]
    assert subject(offline) == name


def test_bad_photos_are_refused_and_good_ones_beside_them_answered(built, known):
    service, recognizer = built
    good = next(iter(known.values()))[0].read_bytes()
    assert service.post(f"/recognize?id={recognizer}", "image", [("a.jpg", b"text")])[0] == 422
    status, answer = service.post(f"/v1/recognizers/{recognizer}/recognize", "image", [("a", good[:900]), ("b", good)])
    assert status == 200
    assert answer["images"][0]["reason"] == "DAMAGED_IMAGE"
    assert answer["images"][1]["faces"]


def test_faces_are_drawn_into_one_photo(built, known):
    service, recognizer = built
    content = next(iter(known.values()))[ENROLLED].read_bytes()
    _, answer = service.post(f"/recognize?id={recognizer}", "image", [("photo", content)])
    (face, *_) = answer["images"][0]["faces"]
    status, picture = service.post(f"/recognize?id={recognizer}&draw=1", "image", [("photo", content)])
    assert status == 200
    drawn, photo = (np.asarray(Image.open(BytesIO(data)).convert("RGB"), int) for data in (picture, content))
    assert drawn.shape == photo.shape
    changed = np.abs(drawn - photo).max(axis=2) > 60
    box = face["box"]
    assert changed[box["y_min"] : box["y_max"], max(0, box["x_min"])].mean() > 0.5
    assert service.post(f"/recognize?id={recognizer}&draw=1", "image", [("a", content), ("b", content)])[0] == 400
    assert service.post(f"/recognize?id={recognizer}&draw=yes", "image", [("photo", content)])[0] == 400


def test_deleting_while_it_is_encoded_cancels(built, known):
    service, _ = built
    # Trailing bytes make other files of the same pictures, so that they must be encoded anew.
    files = [(name, content + b"\0") for name, content in enrolment(known)]
    recognizer = service.post("/build_recognizer", "images", files)[1]["id"]
    assert service.delete(f"/v1/recognizers/{recognizer}")[0] == 204
    assert service.get(f"/is_available?id={recognizer}")[0] == 410
    small = [(name, content + b"\0\0") for name, content in enrolment(known, people=2, each=2)]
    after = service.post("/build_recognizer", "images", small)[1]["id"]
    assert service.wait_until_built(after)["state"] == "ready", "other builds go on"


def test_somebody_joins_and_is_forgotten(built, known):
    service, _ = built
    sent = [(name, content + b"\0\0\0") for name, content in enrolment(known, people=2, each=2)]
    # Pictures that no other recognizer was sent in any form: that one's encodings would stay.
    person, pictures = list(known.items())[2]
    joining = [(f"{person}/{picture.name}", picture.read_bytes()) for picture in pictures[ENROLLED + 4 : ENROLLED + 6]]
    recognizer = service.post("/build_recognizer", "images", sent)[1]["id"]
    assert service.wait_until_built(recognizer)["state"] == "ready"
    url = f"/v1/recognizers/{recognizer}"
    status, grown = service.post(f"{url}/people", "images", joining)
    assert (status, grown["version"]) == (202, 2)
    assert service.get(f"/is_available?id={recognizer}")[1]["available"] == 1, "the first version, meanwhile"
    photo = [("photo.jpg", pictures[0].read_bytes())]
    named = f"/recognize?id={recognizer}"
    wait_for(lambda: service.post(named, "image", photo)[1]["version"] == 2, "somebody to be known before the training")
    assert subject(service.post(named, "image", photo)[1]["images"][0]) == person
    assert service.get(f"/is_available?id={recognizer}&version=2")[1]["available"] == 0, "it was ready too soon"
    assert service.wait_until_built(recognizer, version=2)["message"] == "ready: 3 people from 6 faces"

    encodings = encodings_of(service, [content for _, content in joining])
    assert len(encodings) >= 2
    assert all(encoding in kept(service) for encoding in encodings)
    status, receipt = service.delete(f"{url}/people/{person}")
    assert (status, receipt["versions"], receipt["version"]) == (202, [2], 3)
    # Other processes have the database open all the while.
    assert not [encoding for encoding in encodings if encoding in kept(service)]
    assert service.wait_until_built(recognizer, version=3)["message"] == "ready: 2 people from 4 faces"
    assert not [encoding for encoding in encodings if encoding in kept(service)]


def test_a_search_whose_worker_is_killed_goes_on_where_it_was(built, known):
    service, _ = built
    search = {"optimize": "1", "generations": "8", "population": "8", "max_layers": "1"}
    recognizer = service.post("/build_recognizer", "images", enrolment(known, 3, 4), **search)[1]["id"]
    url = f"/v1/recognizers/{recognizer}"

    def generation() -> int:
        return (service.get(f"{url}")[1]["progress"].get("search") or {"generation": 0})["generation"]

    wait_for(lambda: generation() >= 2, "the second generation")
    os.kill(service.processes("worker train")[0], signal.SIGKILL)
    far = []
    wait_for(lambda: far.append(generation()) or service.get(url)[1]["state"] != "training", "the training to end")
    assert service.wait_until_built(recognizer)["state"] == "ready"
    assert min(one for one in far if one) >= 2, "what was searched is not searched again"
    bundle = zipfile.ZipFile(BytesIO(service.get(f"{url}/model")[1]))
    search = json.loads(bundle.read("manifest.json"))["search"]
    assert (search["evaluated"], search["stopped_by"]) == (64, "generations")


def encodings_of(service, pictures: list[bytes]) -> list[bytes]:
    """The bytes of the encodings of all faces in pictures, from the running service's database."""
    hashes = [hashlib.sha256(content).hexdigest() for content in pictures]
    with contextlib.closing(sqlite3.connect(service.data_dir / "facial.sqlite")) as database:
        query = f"SELECT encoding FROM encoded_faces WHERE content_hash IN ({', '.join('?' * len(hashes))})"
        return [bytes(encoding) for (encoding,) in database.execute(query, hashes)]


def kept(service) -> bytes:
    """Every byte of the files in the data folder."""
    content = []
    for path in service.data_dir.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # what is being written has a passing name
            content.append(path.read_bytes() if path.is_file() else b"")
    return b"".join(content)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restart_goes_on_with_what_was_queued(tmp_path, known, end):
    with running(tmp_path / "data", tmp_path / "log", FACIAL_ENCODE_WORKERS="1") as service:
        ids = [service.post("/build_recognizer", "images", enrolment(known, 3, 3 + n))[1]["id"] for n in range(2)]
        getattr(service, end)()
        service.start()
        assert [service.wait_until_built(recognizer)["state"] for recognizer in ids] == ["ready", "ready"]
        service.stop()


def test_nothing_outlives_the_master(tmp_path):
    with running(tmp_path / "data", tmp_path / "log", FACIAL_ENCODE_WORKERS="1") as service:
        assert service.processes("worker encode")
        service.kill_master()
