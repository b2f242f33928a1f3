"""Two tenants: what is the one's does not exist for the other, on any route, by any method."""

import io
import uuid
from contextlib import contextmanager

import pytest
from sqlalchemy import event, func, select

from features.store import encoded_images
from jobs.table import access_keys
from jobs.table.access_keys import Scope
from test.app.conftest import MadeUpPeople
from test.app.test_metrics import text_string_to_metric_families

#: Methods and paths that ask about one recognizer, with arguments that are as they should be.
ABOUT_ONE = [
    ("GET", "/is_available?id={id}"),
    ("GET", "/download_recognizer?id={id}&format=onnx"),
    ("GET", "/report?id={id}"),
    ("POST", "/recognize?id={id}"),
    ("GET", "/v1/recognizers/{id}"),
    ("DELETE", "/v1/recognizers/{id}"),
    ("DELETE", "/v1/recognizers/{id}?version=1"),
    ("POST", "/v1/recognizers/{id}/retry"),
    ("GET", "/v1/recognizers/{id}/events"),
    ("GET", "/v1/recognizers/{id}/erasures"),
    ("GET", "/v1/recognizers/{id}/images"),
    ("GET", "/v1/recognizers/{id}/compare?from=1&to=1"),
    ("GET", "/v1/recognizers/{id}/model"),
    ("GET", "/v1/recognizers/{id}/report?format=json"),
    ("POST", "/v1/recognizers/{id}/recognize"),
    ("GET", "/v1/recognizers/{id}/people"),
    ("POST", "/v1/recognizers/{id}/people"),
    ("POST", "/v1/recognizers/{id}/corrections"),
    ("PATCH", "/v1/recognizers/{id}/people/Person%200"),
    ("DELETE", "/v1/recognizers/{id}/people/Person%200"),
    ("PATCH", "/v1/recognizers/{id}/people?label=Person%200"),
    ("DELETE", "/v1/recognizers/{id}/people?label=Person%200"),
    ("GET", "/recognizers/{id}"),
    ("GET", "/recognizers/{id}/people"),
    ("GET", "/recognizers/{id}/arrivals"),
    ("GET", "/recognizers/{id}/faces/0/0"),
    ("GET", "/recognizers/{id}/try"),
    ("GET", "/recognizers/{id}/take"),
    ("GET", "/recognizers/{id}/page"),
    ("GET", "/recognizers/{id}/receipt"),
]


@pytest.fixture
def keys(workplace) -> dict[str, dict[str, str]]:
    """The headers of three keys: of one tenant, of another, and of the first again."""
    every = list(Scope)
    made = {name: access_keys.create(workplace.database, name, every) for name in ("acme", "other")}
    made["shares"] = access_keys.create(workplace.database, "shares", every, tenant="acme")
    made["looks"] = access_keys.create(workplace.database, "looks", [Scope.RECOGNIZE], tenant="other")
    return {name: {"X-API-Key": key} for name, key in made.items()}


@pytest.fixture
def acme(workplace, keys) -> MadeUpPeople:
    return MadeUpPeople(workplace, tenant="acme")


def build(client, headers, people, **fields) -> str:
    answer = client.post("/build_recognizer", data={"images": people.files(), **fields}, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json["id"]


def ask(client, method, path, headers):
    """An answer without what differs in each."""
    body = {"json": {"label": "Eve"}} if method == "PATCH" else {}
    if method == "POST" and not path.endswith("retry"):
        part = "image" if "recognize" in path.rsplit("/", 1)[-1] else "images"
        body = {"data": {part: (io.BytesIO(b"no picture"), "Eve/1.jpg")}}
    answer = client.open(path, method=method, headers={**headers, "X-Request-ID": "same"}, **body)
    return answer.status_code, answer.data, {name: value for name, value in answer.headers if name != "Date"}


@contextmanager
def statements(database):
    """What is asked of the database meanwhile."""
    seen: list[str] = []
    note = lambda _connection, _cursor, statement, *_: seen.append(statement)  # noqa: E731
    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def test_every_route_about_one_recognizer_is_among_these(client):
    rules = {(m, r.rule) for r in client.application.url_map.iter_rules() for m in r.methods - {"HEAD", "OPTIONS"}}
    rules = {(method, rule.replace("<int:number>/<int:face>", "0/0")) for method, rule in rules}
    about_one = {(method, rule) for method, rule in rules if "<recognizer_id>" in rule}
    asked = {(m, p.split("?")[0].replace("{id}", "<recognizer_id>")) for m, p in ABOUT_ONE}
    asked = {(method, path.replace("Person%200", "<path:label>")) for method, path in asked}
    assert about_one <= asked
    others = {rule for _, rule in rules - asked}
    assert others == {
        "/v1/uploads",
        "/v1/uploads/<upload_id>",
        "/is_alive",
        "/build_recognizer",
        "/v1/recognizers",
        "/v1/healthz",
        "/v1/readyz",
        "/v1/verify",
        "/v1/encode",
        "/metrics",
        "/docs",
        "/docs/openapi.json",
        "/",
        "/session",
        "/static/<path:name>",
        # These mean the caller's own collection: see test/jobs/test_collection.py.
        "/api/v1/recognition/recognize",
        "/api/v1/recognition/faces",
        "/api/v1/recognition/faces/<image_id>",
        "/api/v1/recognition/faces/<image_id>/img",
        "/api/v1/recognition/faces/<image_id>/verify",
        "/api/v1/recognition/subjects",
        "/api/v1/recognition/subjects/",
        "/api/v1/recognition/subjects/<path:subject>",
        "/v1/vision/face",
        "/v1/vision/face/match",
        "/v1/vision/face/recognize",
        "/v1/vision/face/register",
        "/v1/vision/face/list",
        "/v1/vision/face/delete",
    }


def test_anothers_recognizer_is_as_if_it_never_was(client, workplace, keys, acme, finish):
    recognizer, stays = build(client, keys["acme"], acme), build(client, keys["acme"], acme, dry_run="1")
    finish()
    assert client.get(f"/is_available?id={recognizer}", headers=keys["acme"]).json["available"] == 1
    database = client.application.extensions["service"].workplace.database
    client.get("/v1/recognizers", headers=keys["other"])  # the key's use is written down once a minute
    for method, path in ABOUT_ONE:
        with statements(database) as seen:
            answers, asked = [], []
            for identity in (recognizer, uuid.uuid4().hex):
                answers.append(ask(client, method, path.format(id=identity), keys["other"]))
                asked.append(list(seen))
                seen.clear()
        assert answers[0] == answers[1], (method, path)
        assert answers[0][0] == 404, (method, path, answers[0])
        assert asked[0] == asked[1], (method, path)  # so that the time taken says nothing either
    shown = client.get(f"/v1/recognizers/{recognizer}", headers=keys["shares"]).json
    assert (shown["state"], [version["version"] for version in shown["versions"]]) == ("ready", [1])
    client.delete(f"/v1/recognizers/{recognizer}", headers=keys["acme"])
    for method, path in ABOUT_ONE:  # what was erased is 410 for its tenant alone
        assert ask(client, method, path.format(id=recognizer), keys["other"])[0] == 404
    assert client.get(f"/v1/recognizers/{recognizer}", headers=keys["shares"]).status_code == 410
    assert client.get(f"/v1/recognizers/{stays}", headers=keys["shares"]).status_code == 200


def test_what_is_wrong_with_a_request_is_said_of_both_alike(client, keys, acme):
    recognizer = build(client, keys["acme"], acme)
    for path in (
        "/is_available?id={id}&version=x",
        "/download_recognizer?id={id}&format=h5",
        "/v1/recognizers/{id}?x=1",
    ):
        answers = [ask(client, "GET", path.format(id=one), keys["other"]) for one in (recognizer, uuid.uuid4().hex)]
        assert answers[0] == answers[1] and answers[0][0] == 400


def test_lists_and_figures_are_the_tenants_own(client, keys, acme):
    assert client.get("/is_available", headers=keys["other"]).status_code == 404
    first, second = build(client, keys["acme"], acme), build(client, keys["shares"], acme)
    assert client.get("/is_available", headers=keys["other"]).status_code == 404
    assert client.get("/is_available?version=1", headers=keys["other"]).status_code == 404
    assert client.get("/v1/recognizers", headers=keys["other"]).json == {"recognizers": [], "total": 0}
    own = build(client, keys["other"], acme)
    assert client.get("/is_available", headers=keys["acme"]).json["id"] == second
    assert client.get("/is_available", headers=keys["other"]).json["id"] == own
    listed = client.get("/v1/recognizers", headers=keys["acme"]).json["recognizers"]
    assert [recognizer["id"] for recognizer in listed] == [second, first]

    def figures(name):
        families = text_string_to_metric_families(client.get("/metrics", headers=keys[name]).text)
        return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}

    for name, recognizers in (("looks", 1), ("other", 3)):  # the latter is of the scope admin
        found = figures(name)
        assert found["facial_recognizers",] == found["facial_builds", "queued"] == recognizers
        assert found["facial_files", "waiting"] == found["facial_tasks", "encode", "queued"] == 12 * recognizers


def test_an_idempotency_key_is_the_tenants_own(client, keys, acme):
    files = [(name, content.getvalue()) for content, name in acme.files()]

    def send(name):
        images = [(io.BytesIO(content), file) for file, content in files]
        sent = {"images": images}
        return client.post("/build_recognizer", data=sent, headers=keys[name] | {"Idempotency-Key": "one"})

    first, anothers, again = send("acme"), send("other"), send("shares")
    assert [answer.status_code for answer in (first, anothers, again)] == [202] * 3
    assert first.json["id"] == again.json["id"] != anothers.json["id"]
    assert "Idempotent-Replayed" not in anothers.headers


def test_encodings_are_not_shared_by_tenants(client, workplace, keys, acme, finish):
    """Made-up pictures show no face: only whose encodings are there already learns from them."""
    files = [(name, content.getvalue()) for content, name in acme.files()]

    def built(name):
        sent = {"images": [(io.BytesIO(content), file) for file, content in files], "dry_run": "1"}
        recognizer = client.post("/build_recognizer", data=sent, headers=keys[name]).json["id"]
        finish()
        images = client.get(f"/v1/recognizers/{recognizer}/images", headers=keys[name]).json["images"]
        return {image["reason"] for image in images}

    assert built("acme") == {None}
    assert built("other") == {"NO_FACE"}


def test_forgetting_leaves_what_another_tenant_has(client, workplace, keys, acme, finish):
    twins = MadeUpPeople(workplace, tenant="other")  # the same pictures
    assert [file[0].getvalue() for file in acme.files()] == [file[0].getvalue() for file in twins.files()]
    same, others = MadeUpPeople(workplace, tenant="acme"), MadeUpPeople(workplace, tenant="other")
    recognizer = build(client, keys["acme"], same)
    build(client, keys["other"], others)
    finish()
    receipt = client.delete(f"/v1/recognizers/{recognizer}/people/Person 0", headers=keys["acme"]).json
    assert (receipt["faces"], receipt["kept"]) == (4, [])  # nobody else's that it would know of
    with workplace.database.read() as connection:
        kept = select(encoded_images.c.tenant, func.count()).group_by(encoded_images.c.tenant)
        assert dict(connection.execute(kept).all()) == {"acme": 8, "other": 12}


def test_what_was_made_without_a_key_is_the_default_tenants(client, workplace):
    recognizer = build(client, {}, MadeUpPeople(workplace))
    own = access_keys.create(workplace.database, "own", [Scope.BUILD])
    keeps = access_keys.create(workplace.database, "keeps", [Scope.BUILD], tenant="default")
    assert client.get(f"/is_available?id={recognizer}", headers={"X-API-Key": own}).status_code == 404
    assert client.get(f"/is_available?id={recognizer}", headers={"X-API-Key": keeps}).status_code == 200
