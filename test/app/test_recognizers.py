"""Recognizers as resources."""

import io
import re
from datetime import datetime
from pathlib import Path

import pytest

from app.uploads import BuildForm
from modelization.bundle.download_formats import FORMATS


@pytest.fixture
def built(client, people, finish):
    answer = client.post("/v1/recognizers", data={"images": people.files(), "name": "Family", "target_fpir": "0.02"})
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/v1/recognizers/{answer.json['id']}"
    finish()
    return answer.json["id"]


def test_it_shows_what_was_built(client, built):
    shown = client.get(f"/v1/recognizers/{built}").json
    assert (shown["name"], shown["state"], shown["version"], shown["target_fpir"]) == ("Family", "ready", 1, 0.02)
    assert shown["people"] == [{"label": f"Person {i}", "faces": 4} for i in range(3)]
    assert 0 < shown["threshold"] < 1
    assert shown["metrics"]
    assert client.get("/v1/recognizers").json == {"recognizers": [shown], "total": 1}


def test_both_interfaces_tell_the_same(client, built):
    assert client.get(f"/is_available?id={built}").json["available"] == 1
    assert client.get(f"/v1/recognizers/{built}/model").data == client.get(f"/download_recognizer?id={built}").data


def test_deleting_deletes(client, built, workplace):
    assert client.delete(f"/v1/recognizers/{built}").status_code == 204
    for path in (f"/v1/recognizers/{built}", f"/v1/recognizers/{built}/model", f"/v1/recognizers/{built}/images"):
        gone = client.get(path)
        assert (gone.status_code, gone.json["code"]) == (410, "erased")
    assert client.delete(f"/v1/recognizers/{built}").status_code == 410
    assert client.get(f"/is_available?id={built}").status_code == 410
    assert client.get("/v1/recognizers").json == {"recognizers": [], "total": 0}
    left = b"".join(path.read_bytes() for path in workplace.settings.data_dir.rglob("*") if path.is_file())
    assert b"Person 1" not in left
    assert b"Family" not in left


def test_deleting_one_leaves_what_another_shares(client, people, finish, workplace):
    files = people.files()
    ids = []
    for _ in range(2):
        again = [(io.BytesIO(content.getvalue()), name) for content, name in files]
        ids.append(client.post("/v1/recognizers", data={"images": again}).json["id"])
    client.delete(f"/v1/recognizers/{ids[0]}")
    finish()  # the pictures' made-up encodings are in the store still, or this build would find no face
    assert client.get(f"/v1/recognizers/{ids[1]}").json["state"] == "ready"


def test_problems_are_problem_details(client):
    answer = client.get("/v1/recognizers/unknown", headers={"X-Request-ID": "my-request"})
    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"
    assert answer.json.keys() >= {"type", "title", "status", "detail"}
    assert answer.json["request_id"] == answer.headers["X-Request-ID"] == "my-request"


def test_an_unknown_format_is_refused_by_name(client, built):
    answer = client.get(f"/v1/recognizers/{built}/model?format=pickle")
    assert answer.status_code == 400
    assert "pickle" in answer.json["detail"]


def test_an_unknown_route_and_a_wrong_method(client):
    assert client.get("/v1/nothing").json["status"] == 404
    answer = client.put("/v1/recognizers")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_the_interface_is_described(client):
    described = client.get("/docs/openapi.json").json
    simple = {"/is_alive", "/build_recognizer", "/is_available", "/recognize"}
    assert simple | {"/v1/recognizers", "/v1/recognizers/{recognizer_id}"} <= described["paths"].keys()
    person = described["paths"]["/v1/recognizers/{recognizer_id}/people/{label}"]
    assert person.keys() >= {"patch", "delete"}


def test_what_requests_carry_and_how_they_are_refused_is_described(client):
    described = client.get("/docs/openapi.json").json

    def schema(content: dict) -> dict:
        ((_, body),) = content.items()
        return described["components"]["schemas"][body["schema"]["$ref"].rsplit("/", 1)[1]]

    for path in ("/build_recognizer", "/v1/recognizers"):
        form = described["paths"][path]["post"]["requestBody"]["content"]
        assert list(form) == ["multipart/form-data"]
        parts = schema(form)
        assert parts["properties"].keys() == {*BuildForm.model_fields, "images", "upload", "labels", "manifest"}
        # Files, or an upload in their place.
        assert parts["properties"]["images"]["items"]["format"] == "binary" and "required" not in parts
    download = described["paths"]["/download_recognizer"]["get"]
    (form,) = [one for one in download["parameters"] if one["name"] == "format"]
    assert form["schema"]["enum"] == list(FORMATS)
    assert schema(download["responses"]["409"]["content"])["properties"].keys() == {"status", "error"}
    shown = described["paths"]["/v1/recognizers/{recognizer_id}"]["get"]["responses"]["410"]["content"]
    assert schema(shown)["properties"].keys() >= {"type", "title", "detail"}


def test_every_route_is_described(client):
    described = client.get("/docs/openapi.json").json["paths"]
    # Pages are for people, and what other services' clients ask is described by those services.
    others = ("pages.", "compreface.", "deepstack.")
    routes = [rule for rule in client.application.url_map.iter_rules() if not rule.endpoint.startswith(others)]
    rules = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) for rule in routes}
    assert {rule for rule in rules if not rule.startswith("/docs/")} == described.keys()


def test_the_readme_lists_every_option():
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    table = readme.split("### Options of a build", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(BuildForm.model_fields)


#: When a recognizer was accepted, and when it erases itself.
TIMES = ("created_at", "expires_at")


@pytest.mark.parametrize(
    ("setting", "option", "seconds"), [(0, None, None), (0, "60", 60), (3600, None, 3600), (3600, "60", 60)]
)
def test_it_says_when_it_erases_itself(make_client, people, setting, option, seconds):
    client = make_client(ttl_s=setting)
    form = {"images": people.files(people=2, each=1)} | ({"ttl_s": option} if option else {})
    answer = client.post("/v1/recognizers", data=form)
    assert answer.status_code == 202, answer.json
    created, expires = (answer.json[name] and datetime.fromisoformat(answer.json[name]) for name in TIMES)
    if seconds is None:
        assert expires is None
    else:  # the build stands in the table after the recognizer
        assert seconds - 50 < (expires - created).total_seconds() <= seconds


@pytest.mark.parametrize("wrong", ["0", "-1", "soon", str(10**12)])
def test_a_time_that_is_none_is_refused(client, people, wrong):
    answer = client.post("/v1/recognizers", data={"images": people.files(people=2, each=1), "ttl_s": wrong})
    assert answer.status_code == 400 and "ttl_s" in answer.json["detail"]
