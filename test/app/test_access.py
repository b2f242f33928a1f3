"""Keys over HTTP: who is let in, to what, and that no route is forgotten."""

import time

import pytest

from app.callers import Caller
from jobs.table import access_keys
from jobs.table.access_keys import Scope

#: What anybody may ask: whether the service lives, how the pages look, and to be let in.
OPEN = {"/is_alive", "/v1/healthz", "/v1/readyz", "/static/<path:name>", "/session"}
#: What only a key of a scope may; all else is open to every key.
BUILD = {
    ("POST", "/build_recognizer"),
    ("GET", "/download_recognizer"),
    ("GET", "/recognizers/<recognizer_id>/page"),
    ("POST", "/v1/recognizers"),
    ("POST", "/v1/uploads"),
    ("GET", "/v1/uploads/<upload_id>"),
    ("PATCH", "/v1/uploads/<upload_id>"),
    ("DELETE", "/v1/uploads/<upload_id>"),
    ("DELETE", "/v1/recognizers/<recognizer_id>"),
    ("GET", "/v1/recognizers/<recognizer_id>/model"),
    ("POST", "/v1/recognizers/<recognizer_id>/retry"),
    ("POST", "/v1/recognizers/<recognizer_id>/people"),
    ("POST", "/v1/recognizers/<recognizer_id>/corrections"),
    ("PATCH", "/v1/recognizers/<recognizer_id>/people/<path:label>"),
    ("PATCH", "/v1/recognizers/<recognizer_id>/people"),
    ("DELETE", "/v1/recognizers/<recognizer_id>/people"),
    ("DELETE", "/v1/recognizers/<recognizer_id>/people/<path:label>"),
    ("POST", "/api/v1/recognition/faces"),
    ("DELETE", "/api/v1/recognition/faces"),
    ("DELETE", "/api/v1/recognition/faces/<image_id>"),
    ("POST", "/api/v1/recognition/subjects"),
    ("DELETE", "/api/v1/recognition/subjects"),
    ("PUT", "/api/v1/recognition/subjects/<path:subject>"),
    ("DELETE", "/api/v1/recognition/subjects/<path:subject>"),
    ("POST", "/v1/vision/face/register"),
    ("POST", "/v1/vision/face/delete"),
}
RECOGNIZE = {
    ("POST", "/recognize"),
    ("POST", "/v1/recognizers/<recognizer_id>/recognize"),
    ("POST", "/v1/verify"),
    ("POST", "/api/v1/recognition/recognize"),
    ("POST", "/api/v1/recognition/faces/<image_id>/verify"),
    ("POST", "/v1/vision/face/recognize"),
    ("POST", "/v1/vision/face"),
    ("POST", "/v1/vision/face/match"),
}
ENCODE = {("POST", "/v1/encode")}
NEEDED = {Scope.BUILD: BUILD, Scope.RECOGNIZE: RECOGNIZE, Scope.ENCODE: ENCODE}


@pytest.fixture
def make_key(workplace):
    return lambda name, *scopes, **more: access_keys.create(workplace.database, name, scopes, **more)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def everything(client):
    """Every method of every route, with a path to ask it by."""
    for rule in client.application.url_map.iter_rules():
        path = (
            rule.rule.replace("<recognizer_id>", "0" * 32)
            .replace("<path:label>", "Ada")
            .replace("<path:subject>", "Ada")
            .replace("<path:name>", "page.css")
            .replace("<int:number>/<int:face>", "0/0")
        )
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            yield method, rule.rule, path


def test_without_a_key_nothing_is_shown_but_that_the_service_lives(client, make_key):
    make_key("one", Scope.ADMIN)
    asked = list(everything(client))
    assert len(asked) > 20
    for method, rule, path in asked:
        for headers in ({}, bearer("facial_wrong"), {"X-API-Key": "é"}, {"Authorization": "Basic eDp5"}):
            answer = client.open(path, method=method, headers=headers)
            if rule in OPEN:
                assert answer.status_code in (200, 303, 503)
                continue
            assert answer.status_code == 401, (method, rule)
            assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="api-facial-recognition"')


def test_a_key_opens_what_its_scopes_say_and_nothing_else(client, make_key):
    keys = {scope: make_key(scope, scope) for scope in Scope}
    for method, rule, path in everything(client):
        for scope, key in keys.items():
            status = client.open(path, method=method, headers=bearer(key)).status_code
            needed = next((needs for needs, routes in NEEDED.items() if (method, rule) in routes), scope)
            assert (status == 403) == (scope not in (needed, Scope.ADMIN)), (method, rule, scope, status)
            assert status not in (401, 405), (method, rule)


def test_every_view_says_what_it_needs(client):
    views = client.application.view_functions
    rules = {rule.rule: views[rule.endpoint] for rule in client.application.url_map.iter_rules()}
    assert all("declared" in vars(view) for view in rules.values())
    assert {rule for rule, view in rules.items() if view.declared.needs == "nothing"} == OPEN


def test_who_has_no_key_is_told_before_anything_is_looked_at(client, make_key):
    make_key("one", Scope.BUILD)
    for path in ("/build_recognizer", "/recognize?id=x", "/v1/recognizers"):
        assert client.post(path, data=b"no form", content_type="multipart/form-data").status_code == 401


def test_both_headers_are_taken(client, make_key):
    key = make_key("one", Scope.RECOGNIZE)
    for headers in (bearer(key), {"Authorization": f"bEARER {key}"}, {"X-API-Key": key}, {"x-api-key": key}):
        assert client.get("/v1/recognizers", headers=headers).status_code == 200
    assert client.get("/v1/recognizers", auth=("whoever", key)).status_code == 200
    both = {"Authorization": "Basic eDp5", "X-API-Key": key}  # of a proxy in between, and ours
    assert client.get("/v1/recognizers", headers=both).status_code == 200
    assert client.get(f"/v1/recognizers?key={key}").status_code == 401


def test_a_key_opens_nothing_once_it_expired_or_was_revoked(client, make_key, workplace):
    soon = make_key("soon", Scope.BUILD, expires_at=time.time() + 3600)
    past = make_key("past", Scope.BUILD, expires_at=time.time() - 1)
    assert client.get("/v1/recognizers", headers=bearer(soon)).status_code == 200
    refused = client.get("/v1/recognizers", headers=bearer(past))
    assert refused.status_code == 401 and 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    access_keys.revoke(workplace.database, "soon")
    assert client.get("/v1/recognizers", headers=bearer(soon)).status_code == 401
    assert client.get("/v1/recognizers").status_code == 401  # and the service is not open again


def test_its_use_is_written_down(client, make_key, workplace):
    key = make_key("one", Scope.BUILD)
    (before,) = access_keys.listing(workplace.database)
    client.get("/v1/recognizers", headers=bearer(key))
    (after,) = access_keys.listing(workplace.database)
    assert before.used_at is None and after.used_at >= after.created_at


def test_on_loopback_nobody_needs_a_key_until_there_is_one(client, make_key):
    assert client.get("/v1/recognizers").status_code == 200
    assert client.get("/v1/recognizers", headers=bearer("facial_whatever")).status_code == 200
    make_key("one", Scope.BUILD)
    assert client.get("/v1/recognizers").status_code == 401


def test_elsewhere_nobody_is_let_in_without_a_key_even_if_there_is_none(make_client):
    client = make_client(host="0.0.0.0")
    assert client.get("/v1/recognizers").status_code == 401
    assert client.get("/is_alive").status_code == 200


def test_the_description_says_that_keys_are_needed(client, make_key):
    assert client.get("/docs/openapi.json").json["security"] == []
    key = make_key("one", Scope.RECOGNIZE)
    described = client.get("/docs/openapi.json", headers=bearer(key)).json
    schemes = described["components"]["securitySchemes"]
    assert {name for alternative in described["security"] for name in alternative} == schemes.keys()
    for path, operations in described["paths"].items():
        for operation in operations.values():
            assert ("401" in operation["responses"]) == (path not in OPEN) == ("security" not in operation)


def test_admin_holds_every_scope():
    assert all(Caller("one", "one", frozenset({Scope.ADMIN})).may(scope) for scope in Scope)
