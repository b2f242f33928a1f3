"""Who did what to which recognizer, over HTTP: written down, and nothing that must not be."""

import io
import json
import os

import pytest
from sqlalchemy import update

from jobs import audit_file
from jobs.table import access_keys
from jobs.table.access_keys import Scope
from jobs.table.tables import recognizers
from jobs.versions import erasing

#: Labels and file names that must not be found again.
SECRETS = ("Ada Lovelace", "Grace", "secret-file")


@pytest.fixture
def written(workplace):
    """What was written down, without times and ids of requests."""
    return lambda **which: [
        {name: value for name, value in entry.items() if name not in ("at", "request")}
        for entry in audit_file.entries(workplace.settings.data_dir, **which)
    ]


@pytest.fixture
def key(workplace) -> dict[str, str]:
    return {"X-API-Key": access_keys.create(workplace.database, "front-door", [Scope.BUILD], tenant="acme")}


def files(people):
    return [
        (io.BytesIO(people.picture(name)), f"{name}/secret-file-{number}.jpg")
        for name in (*SECRETS[:2], "Third")
        for number in range(4)
    ]


def test_what_a_key_does_is_written_down(client, people, key, written, workplace, finish):
    people.tenant = "acme"
    sent = {"images": files(people)}
    identity = client.post("/build_recognizer", data=sent, headers=key | {"X-Request-ID": "one"}).json["id"]
    finish()
    url = f"/v1/recognizers/{identity}"
    asked = [
        client.get(f"/is_available?id={identity}", headers=key),  # how things stand is not written down
        client.get(f"/download_recognizer?id={identity}&version=1&format=head", headers=key),
        client.get(f"{url}/images", headers=key),
        client.post(f"{url}/recognize", headers=key),
        client.patch(f"{url}/people/{SECRETS[0]}", json={"label": SECRETS[1]}, headers=key),
        client.get("/v1/recognizers/" + "0" * 32 + "/people", headers=key),
        client.get(f"{url}/people/nothing/here", headers=key),
        client.get(f"/report?id={SECRETS[0]}", headers=key),
        client.get(f"/report?id={identity}"),
        client.delete(url, headers=key),
    ]
    assert [answer.status_code for answer in asked] == [200, 200, 200, 403, 202, 404, 405, 404, 401, 204]
    own = {"who": "front-door", "tenant": "acme", "recognizer": identity}
    none = {name: value for name, value in own.items() if name != "recognizer"}
    assert written() == [
        own | {"action": "build", "status": 202, "numbers": {"files": 12, "version": 1}},
        own | {"action": "download", "status": 200, "numbers": {"version": 1}},
        own | {"action": "images", "status": 200},
        own | {"action": "recognize", "status": 403},
        own | {"action": "rename", "status": 202, "numbers": {"version": 2}},
        own | {"action": "people", "status": 404, "recognizer": "0" * 32},
        none | {"action": "report", "status": 404},
        {"who": "service", "action": "erased", "recognizer": identity},  # nothing is left
        own | {"action": "delete", "status": 204},
    ]
    assert len(written(recognizer=identity)) == 7
    assert next(audit_file.entries(workplace.settings.data_dir))["request"] == "one"
    everything = (workplace.settings.data_dir / "audit.jsonl").read_text()
    assert not any(secret in everything for secret in SECRETS)


def test_forgetting_is_written_down_with_what_it_erased(client, people, written, finish):
    identity = client.post("/build_recognizer", data={"images": files(people)}).json["id"]
    finish()
    assert client.delete(f"/v1/recognizers/{identity}/people/{SECRETS[0]}").status_code == 202
    assert written()[-1] == {
        "who": "local",
        "tenant": "default",
        "action": "forget",
        "recognizer": identity,
        "status": 202,
        "numbers": {"version": 2, "versions": 1, "faces": 4},
    }


def test_what_the_service_deletes_by_itself_is_written_down(client, people, written, workplace):
    sent = {"images": files(people), "ttl_s": "3600"}
    identity = client.post("/build_recognizer", data=sent).json["id"]
    with workplace.database.write() as connection:
        connection.execute(update(recognizers).values(expires_at=1.0))
    erasing.erase_expired(workplace.database, workplace.storage)
    assert written()[1:] == [
        {"who": "service", "action": "erased", "recognizer": identity},
        {"who": "service", "action": "delete", "tenant": "default", "recognizer": identity},
    ]


def test_every_view_that_touches_a_recognizer_is_written_down(client):
    views = client.application.view_functions
    how_things_stand = {"is_available", "show_recognizer", "stream_events", "list_erasures"}
    for rule in client.application.url_map.iter_rules():
        view = views[rule.endpoint]
        model = view.declared.query
        about_one = "<recognizer_id>" in rule.rule or (model is not None and "id" in model.model_fields)
        if about_one and rule.endpoint.split(".")[-1] not in how_things_stand:
            assert view.declared.action is not None, rule


def test_what_cannot_be_written_down_is_said_in_the_log(capsys, client, people, workplace):
    (workplace.settings.data_dir / "audit.jsonl").mkdir()
    assert client.post("/build_recognizer", data={"images": people.files()}).status_code == 202
    assert "the audit could not be written" in capsys.readouterr().err


def test_only_this_user_may_read_it(client, people, workplace):
    mask = os.umask(0)
    try:
        client.post("/build_recognizer", data={"images": people.files()})
    finally:
        os.umask(mask)
    assert (workplace.settings.data_dir / "audit.jsonl").stat().st_mode & 0o777 == 0o600
    assert json.loads((workplace.settings.data_dir / "audit.jsonl").read_text())["action"] == "build"
