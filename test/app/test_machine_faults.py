"""A machine that has no room, no descriptor or no database for a request: 503, and nothing is half-done."""

import io
import os
import resource
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import count, filterfalse, islice

import pytest

from test.app.conftest import form

#: Room for writes beyond which a file may not grow: fewer bytes than a picture has, than an archive unpacks to, than
#: the journal of the database has already.
FILE_SIZES = (0, 1_000, 10_000, 60_000)
#: Descriptors that are free when a request comes; it takes fewer than these.
FREE_DESCRIPTORS = (*range(6), 8, 10, 12)


@contextmanager
def locked(workplace) -> Iterator[None]:
    """Within, another process writes to the database and does not end."""
    with closing(sqlite3.connect(workplace.settings.data_dir / "facial.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def limited(what: int, most: int) -> Iterator[None]:
    """Within, this process may have no more of something."""
    before = resource.getrlimit(what)
    resource.setrlimit(what, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(what, before)


def descriptors(free: int) -> int:
    """The limit that leaves so many free: they are numbers, and a limit is above all of them."""
    return next(islice(filterfalse(is_open, count()), free, None))


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def zipped(pictures) -> list[tuple[str, bytes]]:
    """One archive of pictures and of something large."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as members:
        for name, content in [*pictures, ("Ada/large.bmp", bytes(50_000))]:
            members.writestr(name, content)
    return [("people.zip", archive.getvalue())]


def assert_refused(answer) -> None:
    said = answer.json.get("error", answer.json)
    assert (answer.status_code, said["code"]) == (503, "unavailable"), answer.json
    assert "send the request again later" in (said.get("message") or said["detail"])
    assert int(answer.headers["Retry-After"]) > 0


def test_a_locked_database(capfd, impatient, workplace, pictures, accepted, everything):
    url, before, key = f"/v1/recognizers/{accepted}", everything(), {"Idempotency-Key": "key"}
    with locked(workplace):
        for route in ("/build_recognizer", "/v1/recognizers"):
            assert_refused(impatient.post(route, data=form(pictures), headers=key))
        assert_refused(impatient.post(f"{url}/retry"))
        assert_refused(impatient.patch(f"{url}/people/Ben", json={"label": "Benno"}))
        assert_refused(impatient.delete(f"{url}/people/Ben"))
        assert_refused(impatient.delete(f"{url}?version=1"))
        assert_refused(impatient.delete(url))
        for route in (url, f"{url}/images", f"{url}/people", "/v1/recognizers", "/is_available"):
            assert impatient.get(route).status_code == 200, "who only reads does not wait"
    assert everything() == before
    again = impatient.post("/v1/recognizers", data=form(pictures), headers=key)
    assert (again.status_code, again.headers.get("Idempotent-Replayed")) == (202, None)
    log = capfd.readouterr().err
    assert "database is locked" in log
    assert "Lovelace" not in log
    assert "INSERT" not in log


def test_growing_while_the_database_is_locked(impatient, workplace, people, pictures, finish):
    recognizer = impatient.post("/v1/recognizers", data=form(pictures)).json["id"]
    finish()
    route, more = f"/v1/recognizers/{recognizer}/people", [("Cleo/0.jpg", people.picture("Cleo"))]
    with locked(workplace):
        assert_refused(impatient.post(route, data=form(more)))
    assert not any(workplace.storage.incoming.iterdir())
    assert not any(workplace.storage.images.iterdir())
    assert impatient.post(route, data=form(more)).json["version"] == 2


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("most", FILE_SIZES)
def test_files_that_may_not_grow(client, pictures, accepted, everything, most, packed):
    before, sent = everything(), zipped(pictures) if packed else pictures
    with limited(resource.RLIMIT_FSIZE, most):
        assert_refused(client.post("/build_recognizer", data=form(sent)))
        assert client.get(f"/is_available?id={accepted}").status_code == 200
    assert everything() == before
    assert client.post("/build_recognizer", data=form(sent)).status_code == 202


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("state", ["fresh", "idle", "busy"])
def test_no_descriptor_is_free(make_client, pictures, accepted, everything, state, packed):
    """One fewer of them each time: whatever is opened for a request is the first that cannot be."""
    before, statuses = everything(), []
    clients = [make_client() for _ in FREE_DESCRIPTORS]
    services = [client.application.extensions["service"] for client in clients]
    for service in services:
        service.broker.open()
    for free, client, service in reversed(list(zip(FREE_DESCRIPTORS, clients, services, strict=True))):
        with ExitStack() as stack:
            if state != "fresh":
                assert client.get("/is_available").status_code == 200
            if state == "busy":  # another thread has the connection that is open, so that another one is needed
                stack.enter_context(service.workplace.database.engine.connect())
            stack.enter_context(limited(resource.RLIMIT_NOFILE, descriptors(free)))
            answer = client.post("/build_recognizer", data=form(zipped(pictures) if packed else pictures))
        statuses.append(answer.status_code)
        if answer.status_code == 202:
            client.delete(f"/v1/recognizers/{answer.json['id']}")
        else:
            assert_refused(answer)
        assert everything() == before
    assert statuses == sorted(statuses), "the fewer there are, the worse"
    assert (statuses[0], statuses[-1]) == (202, 503)
