"""What recognizes while a version with other people is made, and that nobody remembers who was forgotten."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import zmq

from constants.exceptions import Conflict, NotFound, NotReady
from features.store import FaceFeatures
from jobs.processes import messages
from jobs.processes.messages import Message
from jobs.processes.sockets import address
from jobs.table import builds, tasks
from jobs.table.tables import TaskKind
from jobs.versions import collection, erasing, forgetting, relabelling
from jobs.versions.relabelling import Correction
from jobs.work import runner
from jobs.work.introducing import introduce
from jobs.work.recognizer_cache import RecognizerCache, recognizer_for
from modelization.gallery_recognizer import GalleryRecognizer
from modelization.recognizer import Recognizer
from test.app.conftest import MadeUpPeople
from test.app.test_growing import create, sent
from test.modelization import made_up

pytestmark = pytest.mark.thorough

PEOPLE = ("Ada", "Ben", "Cleo", "Dora")
#: Seconds after which what should happen is taken as not happening.
PATIENCE_S = 120


class UsualPeople(MadeUpPeople):
    """People whose encodings are those of people at large, by whom confidences mean something."""

    def __post_init__(self) -> None:
        super().__post_init__()
        names = (*PEOPLE, "Eve", "Fay")
        encodings, who = made_up.faces([40] * len(names), seed=9)
        self._left = {name: list(encodings[who == number]) for number, name in enumerate(names)}

    def faces(self, person: str, count: int) -> np.ndarray:
        """Encodings (n, 128) of faces in no picture."""
        return np.stack([self._left[person].pop() for _ in range(count)])

    def _face(self, person: str, left: float) -> FaceFeatures:
        return replace(super()._face(person, left), encoding=self.faces(person, 1)[0])


@pytest.fixture
def people(workplace) -> UsualPeople:
    return UsualPeople(workplace)


@pytest.fixture
def built(client, people, finish) -> str:
    """A version of four people with three pictures each."""
    pictures = [(f"{name}/{number}.jpg", people.picture(name)) for name in PEOPLE for number in range(3)]
    return create(client, finish, sent(*pictures))


def forget(workplace, recognizer, person) -> int:
    return forgetting.forget(workplace.database, workplace.storage, recognizer, person).version


def served(workplace, recognizer, version=None) -> dict:
    """What a worker is told to recognize by."""
    return vars(builds.serving(workplace.database, recognizer, version))


def fail_training(workplace) -> None:
    training = tasks.claim(workplace.database, TaskKind.TRAIN, "train-0:a")
    tasks.fail(workplace.database, training, "It broke.", final=True)


def test_the_others_are_recognized_until_the_next_version_is_ready(client, built, people, finish, workplace):
    faces = {name: people.faces(name, 20) for name in PEOPLE}
    cache = RecognizerCache()
    before = recognizer_for(workplace, cache, served(workplace, built))
    assert {face.person for face in before.identify(faces["Ben"])} == {"Ben"}
    assert forget(workplace, built, "Ben") == 2

    serving = served(workplace, built)
    assert (serving["version"], serving["bundle"]) == (2, None)
    assert served(workplace, built, 2) == serving
    meanwhile = recognizer_for(workplace, cache, serving)
    assert isinstance(meanwhile, GalleryRecognizer)
    assert (meanwhile.labels, meanwhile.threshold) == (("Ada", "Cleo", "Dora"), before.threshold)
    for route in ("download_recognizer", "report"):
        assert client.get(f"/{route}?id={built}").status_code == 409
    shown = client.get(f"/is_available?id={built}").json
    assert (shown["available"], shown["state"]) == (0, "training")
    assert "recognition goes on" in shown["message"] and "Ben" not in shown["message"]

    finish()
    after = recognizer_for(workplace, cache, served(workplace, built))
    assert isinstance(after, Recognizer) and after.manifest.version == 2
    for name, own in faces.items():
        for then, now in zip(meanwhile.identify(own), after.identify(own), strict=True):
            assert then.person == now.person == (name if name != "Ben" else None)
    with pytest.raises(NotFound):
        recognizer_for(workplace, cache, serving)
    with workplace.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM builds WHERE stand_in IS NOT NULL").scalar() == 0
    assert "meanwhile" not in client.get(f"/is_available?id={built}").json["message"]


def encode(workplace) -> None:
    """Let every picture be encoded, and train nothing."""
    while (claim := tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a")) is not None:
        runner.run(workplace, claim)


def people_in(client, recognizer, version) -> dict[str, list[str | None]]:
    """For whom the faces of each file stand."""
    images = client.get(f"/v1/recognizers/{recognizer}/images?version={version}").json["images"]
    return {image["file"]: [face["person"] for face in image["faces"]] for image in images}


def test_whoever_is_added_is_recognized_before_the_version_is_trained(client, built, people, finish, workplace):
    cache = RecognizerCache()
    eves = [(f"Eve/{number}.jpg", people.picture("Eve")) for number in range(3)]
    unclear = {"Eve/with Ben.jpg": people.picture("Ben", "Eve"), "heap.jpg": people.picture("Ben")}
    more = sent(*eves, *unclear.items())
    assert client.post(f"/v1/recognizers/{built}/people", data=more).status_code == 202
    assert served(workplace, built)["version"] == 1, "nothing is encoded yet"
    encode(workplace)

    serving = served(workplace, built)
    assert (serving["version"], serving["bundle"]) == (2, None)
    meanwhile = recognizer_for(workplace, cache, serving)
    faces = {name: people.faces(name, 20) for name in (*PEOPLE, "Eve")}
    assert meanwhile.labels == (*PEOPLE, "Eve")
    for name, own in faces.items():
        assert [face.person for face in meanwhile.identify(own)].count(name) >= 19
    early = people_in(client, built, 2)
    assert [early[file] for file, _ in eves] == [["Eve"]] * 3
    assert [early[file] for file in unclear] == [[None, None], [None]], "these are told apart when all are compared"
    shown = client.get(f"/is_available?id={built}").json
    assert (shown["available"], shown["version"], shown["making"]) == (1, 1, 2), "files are of finished versions"
    assert client.get(f"/download_recognizer?id={built}").status_code == 200
    assert client.get(f"/download_recognizer?id={built}&version=2").status_code == 409
    shown = client.get(f"/is_available?id={built}&version=2").json
    assert (shown["available"], shown["state"]) == (0, "training") and "recognition goes on" in shown["message"]
    busy = client.post(f"/v1/recognizers/{built}/people", data=sent(("Fay/1.jpg", people.picture("Fay"))))
    assert (busy.status_code, busy.headers["Retry-After"]) == (409, "2")

    finish()
    after = recognizer_for(workplace, cache, served(workplace, built))
    assert isinstance(after, Recognizer) and after.manifest.version == 2
    for own in faces.values():
        pairs = zip(meanwhile.identify(own), after.identify(own), strict=True)
        assert sum(then.person != now.person for then, now in pairs) <= 1
    late = people_in(client, built, 2)
    assert {file: late[file] for file in early if file not in unclear} == {
        file: early[file] for file in early if file not in unclear
    }
    assert sorted(late["Eve/with Ben.jpg"], key=str) == ["Eve", None]
    with pytest.raises(NotFound):
        recognizer_for(workplace, cache, serving)


def test_an_addition_that_fails_is_taken_back_and_tried_again(client, built, people, workplace):
    url = f"/v1/recognizers/{built}"
    client.post(f"{url}/people", data=sent(("Eve/1.jpg", people.picture("Eve"))))
    encode(workplace)
    assert served(workplace, built)["version"] == 2
    fail_training(workplace)
    assert served(workplace, built)["version"] == 1
    with pytest.raises(NotReady):
        served(workplace, built, 2)
    assert client.post(f"{url}/retry").json["version"] == 2
    number = builds_of(workplace, built)[2]
    for _ in range(2):  # the training begins with it, and again after a crash
        introduce(workplace.database, number)
    serving = served(workplace, built)
    assert (serving["version"], serving["build"]) == (2, number)

    with pytest.raises(Conflict):  # somebody waits for version 2, which a collection's change would supersede
        collection.rename(workplace.database, built, "Ada", "Adah")
    receipt = client.delete(f"{url}/people/Ada").json
    assert (receipt["version"], receipt["versions"]) == (3, [1, 2]), "forgetting does not wait for the training"
    meanwhile = recognizer_for(workplace, RecognizerCache(), served(workplace, built))
    assert meanwhile.labels == ("Ben", "Cleo", "Dora", "Eve")
    introduce(workplace.database, number)
    assert served(workplace, built)["version"] == 3


def test_where_doubtful_labels_are_left_out_nobody_is_known_before_they_are_looked_for(
    client, people, finish, workplace
):
    pictures = [(f"{name}/{number}.jpg", people.picture(name)) for name in PEOPLE[:2] for number in range(3)]
    built = create(client, finish, sent(*pictures), exclude_suspects="1")
    client.post(f"/v1/recognizers/{built}/people", data=sent(("Eve/1.jpg", people.picture("Eve"))))
    encode(workplace)
    assert served(workplace, built)["version"] == 1


def builds_of(workplace, recognizer) -> dict[int, int]:
    """The numbers of the builds of all versions."""
    with workplace.database.read() as connection:
        versions = [one.version for one in builds.status(workplace.database, recognizer).versions]
        return {version: builds.build_of(connection, recognizer, version).number for version in versions}


def test_one_person_alone_is_told_from_strangers_and_others_may_join(client, people, finish, workplace):
    """Me, or not me: the population supplies the strangers."""
    alone = create(client, finish, sent(*[(f"Ada/{number}.jpg", people.picture("Ada")) for number in range(3)]))
    shown = client.get(f"/v1/recognizers/{alone}").json
    assert shown["state"] == "ready" and shown["people"] == [{"label": "Ada", "faces": 3}]
    assert shown["metrics"]["stranger_faces"] == 0 and shown["metrics"]["strangers_named"] is None
    assert "With one person alone" in client.get(f"/v1/recognizers/{alone}/report").text
    recognizer = recognizer_for(workplace, RecognizerCache(), served(workplace, alone))
    assert isinstance(recognizer, Recognizer)
    assert [face.person for face in recognizer.identify(people.faces("Ada", 15))].count("Ada") >= 14
    strangers = np.concatenate([people.faces(name, 15) for name in ("Ben", "Cleo", "Dora", "Eve")])
    assert {face.person for face in recognizer.identify(strangers)} == {None}

    more = sent(*[(f"Ben/{number}.jpg", people.picture("Ben")) for number in range(3)])
    assert client.post(f"/v1/recognizers/{alone}/people", data=more).status_code == 202
    finish()
    both = recognizer_for(workplace, RecognizerCache(), served(workplace, alone))
    assert {face.person for face in both.identify(people.faces("Ben", 5))} == {"Ben"}


def test_a_worker_keeps_nobody_who_was_deleted(built, workplace):
    cache = RecognizerCache()
    assert "Ben" in recognizer_for(workplace, cache, served(workplace, built)).labels
    forget(workplace, built, "Ben")
    cache.forget_deleted()
    assert not cache._kept
    serving = served(workplace, built)
    recognizer_for(workplace, cache, serving)
    erasing.erase(workplace.database, workplace.storage, built)
    with pytest.raises(NotFound):
        recognizer_for(workplace, cache, serving)
    assert not cache._kept


def test_where_the_next_version_fails_recognition_goes_on_and_so_does_forgetting(client, built, people, workplace):
    forget(workplace, built, "Ben")
    fail_training(workplace)
    shown = client.get(f"/is_available?id={built}").json
    assert shown["state"] == "failed" and "recognition goes on" in shown["message"]
    with pytest.raises(NotReady):
        relabelling.relabel(workplace.database, built, [Correction("Ada", "Eve")])
    more = sent(("Eve/1.jpg", people.picture("Eve")))
    assert client.post(f"/v1/recognizers/{built}/people", data=more).status_code == 409

    first = recognizer_for(workplace, RecognizerCache(), served(workplace, built))
    assert client.delete(f"/v1/recognizers/{built}/people/Ben").status_code == 404
    receipt = client.delete(f"/v1/recognizers/{built}/people/cleo").json
    assert (receipt["label"], receipt["versions"], receipt["version"], receipt["faces"]) == ("Cleo", [2], 3, 3)
    second = recognizer_for(workplace, RecognizerCache(), served(workplace, built))
    assert (second.labels, second.threshold) == (("Ada", "Dora"), first.threshold)
    fail_training(workplace)
    assert client.delete(f"/v1/recognizers/{built}/people/Dora").json["version"] == 4
    alone = recognizer_for(workplace, RecognizerCache(), served(workplace, built))
    faces = people.faces("Ada", 5), people.faces("Eve", 5)
    assert [[face.person for face in alone.identify(own)] for own in faces] == [["Ada"] * 5, [None] * 5]
    fail_training(workplace)
    assert client.delete(f"/v1/recognizers/{built}/people/Ada").status_code == 409, "nobody would be left"
    assert client.delete(f"/v1/recognizers/{built}?version=4").status_code == 204
    with pytest.raises(builds.Erased):
        served(workplace, built)


def test_the_newest_version_serves_though_an_older_one_stays(client, built, people, finish, workplace):
    url = f"/v1/recognizers/{built}"
    client.post(f"{url}/people", data=sent(("Eve/1.jpg", people.picture("Eve")), ("Eve/2.jpg", people.picture("Eve"))))
    finish()
    forget(workplace, built, "Eve")
    assert builds.status(workplace.database, built).version == 1
    meanwhile = served(workplace, built)
    assert (meanwhile["version"], meanwhile["bundle"]) == (3, None)
    assert served(workplace, built, 1)["bundle"] is not None
    fail_training(workplace)
    assert served(workplace, built) == meanwhile, "whoever was added besides is recognized all the same"
    assert client.delete(f"{url}?version=1").status_code == 204
    assert served(workplace, built) == meanwhile


@contextmanager
def dispatcher(workplace) -> Iterator[zmq.Socket]:
    """The dispatcher's end of the clients' socket: the test is dispatcher and worker."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        socket.linger = 0
        socket.bind(address(workplace.settings.data_dir, "clients"))
        yield socket


def handed(socket) -> tuple[bytes, dict]:
    """The next recognition that a client asks for."""
    while socket.poll(PATIENCE_S * 1000):
        client, *frames = socket.recv_multipart()
        message = Message.from_frames(frames)
        if message.kind == messages.RECOGNIZE:
            return client, message.header
    raise AssertionError("nobody asks")


#: What a worker says of a version that was deleted.
GONE = {"code": NotFound.code, "message": "This recognizer has no such version any more."}


def answer(socket, client, header, person=None, error=None) -> None:
    face = {
        "box": {"x_min": 1, "y_min": 1, "x_max": 9, "y_max": 9, "probability": 1.0},
        "landmarks": [],
        "person": person,
        "confidence": 0.9,
        "candidates": [],
        "reason": None,
        "message": None,
    }
    said = {"found": [{"width": 10, "height": 10, "faces": [face]}]} if error is None else {"error": error}
    said["request"] = header["request"]
    socket.send_multipart([client, *Message(messages.RECOGNIZED, said).frames()])


def test_a_recognition_in_flight_is_done_again_without_the_person(client, built, people, workplace):
    photo = people.picture("Ben")

    def recognize():
        return client.post(f"/recognize?id={built}", data={"image": sent(("a.jpg", photo))["images"]})

    with dispatcher(workplace) as socket, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(recognize)
        address, header = handed(socket)
        assert header["serving"]["version"] == 1
        forget(workplace, built, "Ben")
        answer(socket, address, header, "Ben")
        address, header = handed(socket)
        assert (header["serving"]["version"], header["serving"]["bundle"]) == (2, None)
        fail_training(workplace)
        forget(workplace, built, "Cleo")
        answer(socket, address, header, error=GONE)
        address, header = handed(socket)
        assert (header["serving"]["version"], header["serving"]["bundle"]) == (3, None)
        answer(socket, address, header)
        found = asked.result(PATIENCE_S)
        assert (found.status_code, found.json["version"]) == (200, 3)
        assert found.json["images"][0]["faces"][0]["person"] is None

        asked = pool.submit(recognize)
        address, header = handed(socket)
        answer(socket, address, header, error=GONE)
        assert asked.result(PATIENCE_S).status_code == 404, "lost, and not deleted: nothing would change"
        client.application.extensions["service"].close()  # before the thread that its socket belongs to ends
