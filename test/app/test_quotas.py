"""Rates and quotas by key: counted by all web processes together, and decided before a body is read."""

import io
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from app import create_app
from constants.exceptions import QuotaExceeded
from jobs.table import access_keys, quotas
from jobs.table.access_keys import Scope
from jobs.table.quotas import BUILDS, BYTES, RECOGNITIONS, Allowance
from test.app.test_mission import build


class Unreadable:
    def read(self, *_: object) -> bytes:
        raise AssertionError("the body was read")

    readline = __iter__ = read


#: A request whose body cannot be read.
UNREAD = {"wsgi.input": Unreadable(), "CONTENT_LENGTH": "3000000", "CONTENT_TYPE": "multipart/form-data; boundary=x"}


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The time, which the test sets: a quarter to midnight of some day, and 10 seconds before a full minute."""
    now = [1_800_000_000 // 86_400 * 86_400 + 86_400 - 910.0]
    monkeypatch.setattr(quotas.time, "time", lambda: now[0])
    return now


def refused(answer, seconds):
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, str(seconds)), answer.text
    return answer.get_json(force=True)


def test_builds_of_a_day(make_client, people, clock):
    client = make_client(max_builds_per_day=2)
    first = build(client, people.files()).json["id"]
    # What is refused is not counted.
    assert build(client, [(io.BytesIO(b"no picture"), "Ada/1.jpg")]).status_code == 422
    assert build(client, people.files()).status_code == 202
    answer = refused(client.post("/v1/recognizers", environ_overrides=UNREAD), 910)
    assert answer["code"] == "quota_exceeded" and "2 builds a day" in answer["detail"]
    refused(client.post(f"/v1/recognizers/{first}/people", environ_overrides=UNREAD), 910)
    assert client.delete(f"/v1/recognizers/{first}").status_code == 204  # to forget is always allowed
    refused(build(client, people.files()), 910)
    clock[0] += 911
    assert build(client, people.files()).status_code == 202


def test_recognitions_of_a_minute(make_client, people, clock):
    client = make_client(max_recognitions_per_minute=3)
    recognizer = build(client, people.files()).json["id"]
    for _ in range(3):
        assert client.post(f"/recognize?id={recognizer}").status_code == 409  # it was asked, and looked at
    answer = refused(client.post(f"/recognize?id={recognizer}", environ_overrides=UNREAD), 10)
    assert answer["error"]["code"] == "quota_exceeded"
    refused(client.post(f"/v1/recognizers/{recognizer}/recognize", environ_overrides=UNREAD), 10)
    assert client.post("/recognize?id=unknown").status_code == 404  # which counts nothing
    assert client.get(f"/is_available?id={recognizer}").status_code == 200
    clock[0] += 11
    assert client.post(f"/recognize?id={recognizer}").status_code == 409


def test_bytes_of_a_day(make_client, people, clock):
    client = make_client(max_mb_per_day=1)
    refused(client.post("/build_recognizer", environ_overrides=UNREAD), 910)
    assert build(client, people.files()).status_code == 202  # what was refused is not counted
    half = {"CONTENT_LENGTH": str(1 << 19), "CONTENT_TYPE": "multipart/form-data; boundary=x"}
    assert client.post("/build_recognizer", environ_overrides=half).status_code == 400
    refused(client.post("/build_recognizer", environ_overrides=UNREAD | half), 910)


def test_recognizers_that_are_kept(make_client, people, workplace):
    client = make_client(max_recognizers=2)
    first, _ = (build(client, people.files()).json["id"] for _ in range(2))
    answer = refused(client.post("/build_recognizer", environ_overrides=UNREAD), 3600)
    assert "2 recognizers" in answer["error"]["message"]
    client.delete(f"/v1/recognizers/{first}")
    assert build(client, people.files()).status_code == 202


def test_a_request_that_is_sent_again_is_no_other_one(make_client, people):
    client = make_client(max_recognizers=1, max_builds_per_day=1)
    files = [(content.getvalue(), name) for content, name in people.files()]

    def send(key):
        sent = {"images": [(io.BytesIO(content), name) for content, name in files]}
        return client.post("/build_recognizer", data=sent, headers={"Idempotency-Key": key})

    first, again = send("one"), send("one")
    assert (first.status_code, again.status_code, again.json) == (202, 202, first.json)
    assert send("another").status_code == 429


def test_each_key_has_its_own(make_client, people, workplace):
    client = make_client(max_recognitions_per_minute=1, max_recognizers=1)
    one, shares, other = (
        {"X-API-Key": access_keys.create(workplace.database, name, [Scope.ADMIN], tenant=tenant)}
        for name, tenant in (("one", "acme"), ("shares", "acme"), ("other", "other"))
    )

    def send(headers):
        return client.post("/build_recognizer", data={"images": people.files()}, headers=headers)

    made = {name: send(headers) for name, headers in (("acme", one), ("other", other))}
    assert [answer.status_code for answer in made.values()] == [202, 202]
    assert send(shares).status_code == 429  # recognizers are the tenant's
    recognizer = made["acme"].json["id"]
    statuses = [client.post(f"/recognize?id={recognizer}", headers=key).status_code for key in (one, one, shares)]
    assert statuses == [409, 429, 409]  # rates are the key's


def test_nothing_is_counted_where_nothing_is_limited(client, people, workplace):
    build(client, people.files())
    with workplace.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM usage").scalar() == 0


def test_all_web_processes_count_together(make_client, people, workplace):
    settings = workplace.settings.model_copy(update={"max_recognitions_per_minute": 20})
    recognizer = build(make_client(), people.files()).json["id"]
    with ExitStack() as stack:
        applications = [create_app(settings) for _ in range(4)]
        for application in applications:
            stack.callback(application.extensions["service"].close)
        clients = [application.test_client() for application in applications] * 2
        while time.time() % 60 > 50:  # a full minute would begin a new count
            time.sleep(1)
        with ThreadPoolExecutor(8) as pool:
            ask = lambda client: [client.post(f"/recognize?id={recognizer}").status_code for _ in range(5)]  # noqa: E731
            statuses = [status for asked in pool.map(ask, clients) for status in asked]
    assert sorted(set(statuses)) == [409, 429] and statuses.count(409) == 20


def test_amounts_are_counted_in_their_units(workplace, clock):
    allowed = Allowance(most=((BYTES, 2), (RECOGNITIONS, 1)))
    with workplace.database.write() as connection:
        allowed.use(connection, BYTES, 2 << 20)
        allowed.use(connection, BUILDS)  # which is not limited

    def use_too_much():
        with workplace.database.write() as connection:
            allowed.use(connection, RECOGNITIONS)
            allowed.use(connection, BYTES, 1)

    with pytest.raises(QuotaExceeded) as refusal:
        use_too_much()
    assert refusal.value.retry_after_s == 910
    with workplace.database.write() as connection:
        allowed.use(connection, RECOGNITIONS)  # the transaction that was refused counted nothing
