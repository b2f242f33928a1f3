"""A request that is sent again with its key makes nothing twice."""

import io
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, update

from constants.exceptions import AlreadyAccepted
from jobs.intake.intake import Intake, Labelling
from jobs.table import builds
from jobs.table.admission import Admission
from jobs.table.build_options import BuildOptions
from jobs.table.idempotency import KeyedRequest
from jobs.table.tables import TaskKind, recognizers, requests
from test.app.conftest import form
from test.jobs.test_retrying import give_up
from test.jobs.test_tasks import claim, submit
from test.jobs.test_tasks import finish as encode

ROUTES = ("/build_recognizer", "/v1/recognizers")
KEY = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}
THREADS = 8


def send(client, pictures, route="/v1/recognizers", headers=KEY, **fields):
    return client.post(route, data=form(pictures, **fields), headers=headers)


def refusal(answer) -> tuple[str, str]:
    """Code and sentence."""
    said = answer.json.get("error", answer.json)
    return said["code"], said.get("message") or said["detail"]


def made(workplace) -> int:
    with workplace.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(recognizers))


def nothing_left_over(workplace, recognizer: str) -> bool:
    """Whether there are no files but those of one recognizer."""
    incoming, images = workplace.storage.incoming, workplace.storage.images
    return not any(incoming.iterdir()) and [folder.name for folder in images.iterdir()] == [recognizer]


def test_a_replay_has_the_answer_of_the_first(client, workplace, pictures):
    first = send(client, pictures, name="Friends")
    assert (first.status_code, first.headers.get("Idempotent-Replayed")) == (202, None)
    for route in ROUTES:
        again = send(client, pictures, route, name="Friends")
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
        assert again.json["id"] == first.json["id"]
    assert send(client, pictures, name="Friends").json == first.json
    assert send(client, pictures, name="Friends").headers["Location"] == first.headers["Location"]
    assert made(workplace) == 1
    assert nothing_left_over(workplace, first.json["id"])


def test_without_a_key_or_with_another_one_it_is_another_request(client, workplace, pictures):
    ids = {
        send(client, pictures, headers=headers).json["id"] for headers in ({}, {}, KEY, {"Idempotency-Key": "other"})
    }
    assert len(ids) == made(workplace) == 4


def test_the_order_of_fields_and_where_options_stand_do_not_matter(client, pictures):
    labels, manifest = ["Ada", "", "Ben", ""], b"file,person\nBen/0.jpg,Ben\n"
    options = {"seed": "7", "dry_run": "1"}
    ids = set()
    for fields in (
        {"labels": labels, "manifest": (io.BytesIO(manifest), "who.csv")} | options,
        options | {"manifest": manifest.decode(), "labels": labels},
    ):
        ids.add(send(client, pictures, **fields).json["id"])
        backwards = dict(reversed(form(pictures, **(fields | {"manifest": manifest.decode()})).items()))
        ids.add(client.post("/build_recognizer", data=backwards, headers=KEY).json["id"])
    fields = {"labels": labels, "manifest": manifest.decode()}
    ids.add(send(client, pictures, "/v1/recognizers?dry_run=true&seed=07", **fields).json["id"])
    assert len(ids) == 1


@pytest.mark.parametrize("route", ROUTES)
def test_another_request_with_the_same_key_is_refused(client, workplace, people, pictures, route):
    first = send(client, pictures)
    (name, content), *rest = pictures
    for other, fields in (
        ([*pictures, ("Ada/3.jpg", people.picture("Ada"))], {}),
        ([*rest, (name, content)], {}),
        ([("Cleo/0.jpg", content), *rest], {}),
        (pictures, {"labels": ["Ada", "Ada", "Ben", "Benno"]}),
        (pictures, {"name": "Friends"}),
        (pictures, {"target_fpir": "0.001"}),
        (pictures, {"label_from": "filename"}),
        (pictures, {"manifest": "file,person\nBen/0.jpg,Ben\n"}),
    ):
        answer = send(client, other, route, **fields)
        code, sentence = refusal(answer)
        assert (answer.status_code, code) == (422, "key_reused")
        assert "use a new key" in sentence
    assert made(workplace) == 1
    assert nothing_left_over(workplace, first.json["id"])


@pytest.mark.parametrize("key", ["", " ", '"', '""', '"open', "two words", "a, b", "x" * 256, "ключ", '"a"b', '"a\\b"'])
def test_what_is_no_key_is_refused(client, workplace, pictures, key):
    headers = {"Idempotency-Key": key.encode().decode("latin-1")}
    for route in ROUTES:
        answer = send(client, pictures, route, headers)
        assert answer.status_code == 400
        assert "1 to 255 visible ASCII characters" in refusal(answer)[1]
    assert made(workplace) == 0
    assert not any(workplace.storage.incoming.iterdir())


@pytest.mark.parametrize(
    ("bare", "quoted"),
    [("k", '"k"'), ("x" * 255, f'"{"x" * 255}"'), ('a"\\b', r'"a\"\\b"'), ("~!(,;=)~", '"~!(,;=)~"')],
)
def test_a_key_may_be_quoted(client, pictures, bare, quoted):
    keys = {"Idempotency-Key": bare}, {"Idempotency-Key": f" {quoted} "}
    assert len({send(client, pictures, headers=key).json["id"] for key in keys}) == 1


def test_a_replay_is_known_before_it_is_unpacked_and_whatever_else_holds_now(make_client, workplace, pictures):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        for name, content in pictures:
            members.writestr(name, content)
    sent = [("people.zip", archive.getvalue())]
    first = send(make_client(), sent)
    busy = make_client(max_files=1, max_queued_builds=1)
    assert send(busy, sent, headers={}).status_code == 503
    assert send(make_client(max_files=1), sent, headers={}).status_code == 413
    assert send(make_client(), [("Ada/1.jpg", b"no picture")], headers={}).status_code == 422
    again = send(busy, sent)
    assert (again.status_code, again.json) == (202, first.json)


def test_what_was_refused_may_be_sent_again_mended(client, pictures):
    assert send(client, [("Ada/1.jpg", b"no picture")]).status_code == 422
    assert send(client, pictures).status_code == 202


@pytest.fixture
def pool() -> ThreadPoolExecutor:
    """Threads that outlive the clients made after them."""
    with ThreadPoolExecutor(THREADS) as threads:
        yield threads


def test_of_many_at_once_one_is_made(pool, make_client, workplace, pictures):
    clients = [make_client() for _ in range(THREADS)]
    answers = list(pool.map(lambda client: send(client, pictures), clients))
    assert [answer.status_code for answer in answers] == [202] * THREADS
    assert len({answer.json["id"] for answer in answers}) == made(workplace) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == THREADS - 1
    assert nothing_left_over(workplace, answers[0].json["id"])


def test_whoever_loses_the_race_keeps_nothing(pool, workplace, pictures):
    """All of them have looked whether the request is known before any of them is accepted."""
    start, request = threading.Barrier(THREADS), KeyedRequest.of("build", "key", "asked")

    def submit(_: int) -> str:
        with Intake(workplace.settings, workplace.storage.incoming) as intake:
            sent = [intake.receive(name) for name, _ in pictures]
            for file, (_, content) in zip(sent, pictures, strict=True):
                file.write(content)
                file.seal()
            uploads = intake.take(sent, Labelling())
            start.wait()
            admission = Admission(1, request)
            return builds.submit(workplace.database, workplace.storage, uploads, BuildOptions(), admission)

    ended = [pool.submit(submit, number) for number in range(THREADS)]
    lost = [one.exception() for one in ended if one.exception()]
    (winner,) = [one.result() for one in ended if not one.exception()]
    assert [type(error) for error in lost] == [AlreadyAccepted] * (THREADS - 1)
    assert {(error.recognizer_id, error.version) for error in lost} == {(winner, 1)}
    assert nothing_left_over(workplace, winner)
    assert len(list(workplace.storage.image_folder(winner, 1).iterdir())) == len(pictures)


def test_a_replay_of_what_was_deleted_builds_nothing(client, workplace, pictures):
    recognizer = send(client, pictures).json["id"]
    client.delete(f"/v1/recognizers/{recognizer}")
    assert send(client, pictures).status_code == send(client, pictures[::-1]).status_code == 410
    with workplace.database.read() as connection:
        (kept,) = connection.execute(select(requests))
    assert kept.fingerprint is None
    assert made(workplace) == 1


def test_keys_are_known_for_two_days(client, workplace, pictures):
    first = send(client, pictures).json["id"]

    def age(days: float) -> None:
        with workplace.database.write() as connection:
            connection.execute(update(requests).values(created_at=requests.c.created_at - days * 86_400))

    age(1.9)
    assert send(client, pictures).json["id"] == first
    age(0.2)
    second = send(client, pictures[::-1])
    assert (second.status_code, second.json["id"] != first) == (202, True)
    with workplace.database.read() as connection:
        assert [row.recognizer_id for row in connection.execute(select(requests))] == [second.json["id"]]


def test_growing_is_not_repeated(client, workplace, people, pictures, finish):
    recognizer = send(client, pictures).json["id"]
    finish()
    more = [("Cleo/0.jpg", people.picture("Cleo")), ("Cleo/1.jpg", people.picture("Cleo"))]
    route = f"/v1/recognizers/{recognizer}/people"
    first = send(client, more, route)
    assert (first.status_code, first.json["version"]) == (202, 2), "keys of builds and of growing are not the same"
    again = send(client, more, route)
    assert (again.status_code, again.json, again.headers["Idempotent-Replayed"]) == (202, first.json, "true")
    assert again.headers["Location"] == first.headers["Location"]
    assert send(client, more, route, headers={}).status_code == 409, "another is being made"
    finish()
    again = send(client, more, route)
    assert (again.status_code, again.json["version"], again.json["state"]) == (202, 2, "ready")
    assert send(client, more[:1], route).status_code == 422
    another = send(client, pictures, headers={}).json["id"]
    assert send(client, more, f"/v1/recognizers/{another}/people").status_code == 422
    client.delete(f"/v1/recognizers/{recognizer}/people/Cleo")
    assert send(client, more, route).status_code == 410, "the version is erased"
    assert not any(workplace.storage.incoming.iterdir())


def test_trying_again_is_not_repeated(client, workplace):
    recognizer = submit(workplace, 2)
    encode(workplace, claim(workplace))
    give_up(workplace, TaskKind.TRAIN)
    route = f"/v1/recognizers/{recognizer}/retry"
    first = client.post(route, headers=KEY)
    assert (first.status_code, first.json["state"]) == (202, "training")
    again = client.post(route, headers=KEY)
    assert (again.status_code, again.json, again.headers["Idempotent-Replayed"]) == (202, first.json, "true")
    assert client.post(route).status_code == 409, "it is being made"
    give_up(workplace, TaskKind.TRAIN)
    assert client.post(route, headers=KEY).json["state"] == "failed", "as it is now"
    assert claim(workplace, TaskKind.TRAIN) is None
    assert client.post(f"/v1/recognizers/{submit(workplace, 2)}/retry", headers=KEY).status_code == 422
    assert client.post(route, headers={"Idempotency-Key": "another"}).json["state"] == "training"


def test_the_header_is_described(client):
    described = client.get("/docs/openapi.json").json["paths"]
    for route in (*ROUTES, "/v1/recognizers/{recognizer_id}/people", "/v1/recognizers/{recognizer_id}/retry"):
        (header,) = [one for one in described[route]["post"]["parameters"] if one["in"] == "header"]
        assert (header["name"], header["required"]) == ("Idempotency-Key", False)
        assert "sent again" in header["description"]
        assert {"410", "422"} <= described[route]["post"]["responses"].keys()
