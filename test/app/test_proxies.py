"""What a proxy says of a request: believed of as many as are trusted, and else of nobody."""

import pytest

from jobs.table import access_keys
from jobs.table.access_keys import Scope

#: What a proxy adds that serves the service under a path of its own, with TLS.
SAID = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "faces.example.org",
    "X-Forwarded-Prefix": "/faces",
}


@pytest.fixture
def behind(make_client):
    """A client whose requests come by one proxy that is trusted."""
    client = make_client(trusted_proxies=1, hosts=("faces.example.org",))
    client.environ_base |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in SAID.items()}
    return client


def test_links_begin_with_the_prefix_and_answers_are_those_of_the_service(behind):
    page = behind.get("/")
    assert page.status_code == 200
    assert 'href="/faces/static/page.css"' in page.text and 'data-prefix="/faces"' in page.text
    assert 'href="/static' not in page.text and 'src="/static' not in page.text
    assert behind.get("/docs/openapi.json").json["servers"] == [{"url": "/faces"}]
    assert behind.get("/v1/recognizers/nothing").content_type == "application/problem+json"


def test_a_created_recognizer_stands_beneath_the_prefix(behind, people):
    answer = behind.post("/v1/recognizers", data={"images": people.files(2, 2)})
    assert answer.headers["Location"] == f"/faces/v1/recognizers/{answer.json['id']}"


def test_cookies_are_of_that_path_alone_and_go_by_tls_alone(behind, workplace):
    chosen = behind.get("/?lang=de").headers["Set-Cookie"]
    assert "Path=/faces/;" in chosen and "Secure" in chosen
    key = access_keys.create(workplace.database, "door", {Scope.BUILD})
    begun = behind.post("/session", data={"key": key})
    assert begun.headers["Location"] == "/faces/"
    assert "Path=/faces/;" in begun.headers["Set-Cookie"] and "Secure" in begun.headers["Set-Cookie"]
    ended = behind.post("/session", data={})
    assert "Path=/faces/" in ended.headers["Set-Cookie"] and "Max-Age=0" in ended.headers["Set-Cookie"]


def test_what_nobody_is_trusted_for_is_not_looked_at(client):
    page = client.get("/?lang=de", headers=SAID)
    assert page.status_code == 200, "the host that is said is not looked at either"
    assert 'href="/static/page.css"' in page.text
    assert "Path=/;" in page.headers["Set-Cookie"] and "Secure" not in page.headers["Set-Cookie"]
    assert client.get("/docs/openapi.json", headers=SAID).json["servers"] == [{"url": "/"}]


def test_of_several_values_the_trusted_proxys_own_counts(behind):
    """It stands last; what a client wrote before it is passed over."""
    forged = {
        name: f"{forged}, {SAID[name]}" for name, forged in zip(SAID, ("1.2.3.4", "http", "x", "/y"), strict=True)
    }
    assert 'href="/faces/static/page.css"' in behind.get("/", headers=forged).text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Forwarded-Host": "evil.example"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"X-Forwarded-Prefix": "//evil.example"}, 400),
        ({"X-Forwarded-Prefix": "/a b"}, 400),
        ({"X-Forwarded-Prefix": "/faces/"}, 200),
        ({"Origin": "https://faces.example.org", "Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_what_a_proxy_passes_on_is_refused_as_it_would_be_without_one(behind, headers, status):
    assert behind.get("/", headers=headers).status_code == status


def test_a_page_of_another_origin_gets_nothing_by_a_proxy_either(behind):
    own, foreign = ({"Origin": origin} for origin in ("https://faces.example.org", "https://evil.example"))
    assert behind.post("/session", data={}, headers=own).status_code == 303
    assert behind.post("/session", data={}, headers=foreign).status_code == 403
