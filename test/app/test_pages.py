"""The pages without a browser: words in every language, what they may load, and how a key opens them."""

import json
import re
import time
from pathlib import Path

import pytest

from app.errors import status_of
from constants.exceptions import FacialError, InvalidRequest
from constants.languages import LANGUAGES
from constants.reasons import Reason
from jobs.table import access_keys
from jobs.table.access_keys import Scope

APP = Path(__file__).parents[2] / "app"
STRINGS = json.loads((APP / "strings.json").read_text("utf-8"))


def test_every_string_is_there_in_every_language_with_the_same_values():
    for key, said in STRINGS.items():
        assert said.keys() == LANGUAGES.keys(), key
        values = {language: set(re.findall(r"\{(\w+)\}", text)) for language, text in said.items()}
        assert len(set(map(frozenset, values.values()))) == 1, (key, values)
        assert len({text.count("|") for text in said.values()}) == 1, key
        assert all(text.strip() for text in said.values()), key


def test_every_string_that_is_used_is_there_and_none_is_left_over():
    sources = [file.read_text("utf-8") for folder in ("templates", "static") for file in (APP / folder).glob("*.*[ls]")]
    whole = "\n".join(sources)
    used = set(re.findall(r"""\bsay\(\s*["']([\w.]+)["'](?! ~)""", whole))
    assert used <= STRINGS.keys() | {"reason.", "state.", "make.", "take.", "watch.", "receipt."}, used - STRINGS.keys()
    for key in STRINGS:
        assert key in used or re.search(rf"[\"'`]{re.escape(key)}[\"'`]", whole) or is_composed(key, whole), key


def is_composed(key: str, sources: str) -> bool:
    """Whether a key is put together where it is used: a prefix and a value, or a value and ``.why``."""
    prefix, _, rest = key.rpartition(".")
    by_value = f'say("{prefix}." ~' in sources or f"`{prefix}.${{" in sources
    return by_value or (rest == "why" and prefix in STRINGS)


def test_every_reason_has_its_words():
    assert {f"reason.{reason}" for reason in Reason} <= STRINGS.keys()


@pytest.mark.parametrize(
    ("headers", "query", "language"),
    [
        ({}, "", "en"),
        ({"Accept-Language": "de-CH, en;q=0.5"}, "", "de"),
        ({"Accept-Language": "ja, fr;q=0.3"}, "", "fr"),
        ({"Accept-Language": "de"}, "?lang=fr", "fr"),
    ],
)
def test_a_page_speaks_as_its_reader_does(client, headers, query, language):
    assert f'<html lang="{language}">' in client.get(f"/{query}", headers=headers).text


def test_a_language_stays_chosen(client):
    client.get("/?lang=de")
    assert '<html lang="de">' in client.get("/", headers={"Accept-Language": "fr"}).text


def test_a_page_loads_nothing_from_elsewhere_and_is_in_no_frame(client):
    answer = client.get("/")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert not re.search(r"""(src|href|action)=["'](https?:)?//""", answer.text)
    assert not re.search(r"<[^>]+ (style|on\w+)=", answer.text)


def test_a_file_of_the_pages_is_asked_for_once(client):
    first = client.get("/static/page.css")
    again = client.get("/static/page.css", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.data) == (200, 304, b"")
    assert client.get("/static/../pages.py").status_code == 404


def test_what_people_wrote_is_text(client, people):
    name = '<script>alert("1")</script>'
    answer = client.post("/v1/recognizers", data={"images": people.files(), "name": name})
    for page in ("/", f"/recognizers/{answer.json['id']}"):
        shown = client.get(page).text
        assert name not in shown and "&lt;script&gt;" in shown


def test_what_is_not_there_is_said_on_a_page(client):
    answer = client.get(f"/recognizers/{'0' * 32}")
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "There is no recognizer with this id" in answer.text
    german = client.get(f"/recognizers/{'0' * 32}", headers={"Accept-Language": "de"}).text
    assert "<h1>Das gibt es hier nicht</h1>" in german and '<p lang="en">There is no recognizer' in german


def test_every_refusal_has_its_words():
    kinds = [FacialError, *FacialError.__subclasses__(), *InvalidRequest.__subclasses__()]
    refused = {kind.code for kind in kinds if status_of(kind.__new__(kind)) is not None}
    assert len(refused) > 10 and {f"refused.{code}" for code in refused} <= STRINGS.keys()


@pytest.fixture
def key(workplace) -> str:
    return access_keys.create(workplace.database, "front-door", [Scope.BUILD])


def test_a_key_is_asked_for_once(client, key):
    asked = client.get("/")
    assert (asked.status_code, asked.mimetype) == (401, "text/html") and 'name="key"' in asked.text
    answer = client.post("/session", data={"key": f" {key} "})
    assert (answer.status_code, answer.location) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and key not in cookie and "Expires" not in cookie
    assert client.get("/").status_code == client.get("/v1/recognizers").status_code == 200
    assert client.post("/recognize?id=x").status_code == 403  # the key's scopes are the session's
    client.post("/session")
    assert client.get("/").status_code == 401


def test_a_wrong_key_opens_nothing(client, key):
    answer = client.post("/session", data={"key": "facial_wrong"})
    assert answer.status_code == 401 and "Set-Cookie" not in answer.headers
    assert client.get("/").status_code == 401


def test_a_session_ends_with_its_key(client, key, workplace):
    client.post("/session", data={"key": key})
    access_keys.revoke(workplace.database, "front-door")
    assert client.get("/").status_code == 401


def test_a_session_ends_in_time_and_cannot_be_made_longer(workplace, key, monkeypatch):
    token = access_keys.begin_session(workplace.database, key)
    assert access_keys.find_session(workplace.database, token).name == "front-door"
    number, until, seal = token.split(".")
    for wrong in ("", "x", f"{number}.{int(until) + 1}.{seal}", f"2.{until}.{seal}", f"{number}.{until}.{'0' * 64}"):
        assert access_keys.find_session(workplace.database, wrong) is None
    later = time.time() + access_keys.SESSION_S + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert access_keys.find_session(workplace.database, token) is None
