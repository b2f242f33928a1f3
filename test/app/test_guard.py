"""Hosts and origins: whose requests are answered, and what browsers are told."""

import pytest

from test.app.test_mission import build

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
#: What a browser says of a request that a page of another origin makes.
FOREIGN = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}


@pytest.mark.parametrize(
    ("listens_on", "host", "known"),
    [
        ("127.0.0.1", "localhost", True),
        ("127.0.0.1", "LocalHost.:8080", True),
        ("127.0.0.1", "127.0.0.1:9000", True),
        ("127.0.0.1", "[::1]:8080", True),
        ("127.0.0.1", "evil.example:8080", False),
        ("127.0.0.1", "localhost.evil.example", False),
        ("127.0.0.1", "127.0.0.1.evil.example", False),
        ("127.0.0.1", "evil.example@127.0.0.1", False),
        ("127.0.0.1", "192.168.1.5:8080", False),
        ("127.0.0.1", "", False),
        ("192.168.1.5", "192.168.1.5:8080", True),
        ("192.168.1.5", "192.168.1.6:8080", False),
        ("0.0.0.0", "192.168.1.6:8080", True),
        ("[::]", "[fd00::1]:8080", True),
        ("0.0.0.0", "evil.example", False),
        ("0.0.0.0", "faces.example.org", True),
        ("127.0.0.1", "FACES.example.org:443", True),
        ("127.0.0.1", "a.b.inside.example.org", True),
        ("127.0.0.1", "inside.example.org", True),
        ("127.0.0.1", "beinside.example.org", False),
        ("127.0.0.1", "other.faces.example.org", False),
    ],
)
def test_a_host_that_the_service_does_not_go_by_is_refused(make_client, listens_on, host, known):
    client = make_client(host=listens_on, hosts=("faces.example.org", ".inside.example.org"))
    answer = client.get("/is_alive", headers={"Host": host})
    assert answer.status_code == (200 if known else 403), answer.text
    if not known:
        assert answer.json["error"]["code"] == "forbidden" and "FACIAL_HOSTS" in answer.json["error"]["message"]


def test_an_unknown_host_is_refused_whatever_is_asked(client):
    for path in ("/v1/recognizers", "/metrics", "/docs/openapi.json", "/nothing"):
        assert client.get(path, headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize(
    ("headers", "answered"),
    [
        ({}, True),
        ({"Origin": "http://localhost"}, True),
        ({"Origin": "http://localhost:3000"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "http://["}, False),
        ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, False),
        (FOREIGN, False),
    ],
)
def test_what_changes_something_is_done_for_no_foreign_page(client, people, headers, answered):
    identity = build(client, people.files()).json["id"]
    deleted = client.delete(f"/v1/recognizers/{identity}", headers=headers)
    assert deleted.status_code == (204 if answered else 403), deleted.text
    sent = client.post("/build_recognizer", data={"images": people.files()}, headers=headers)
    assert sent.status_code == (202 if answered else 403)
    assert len(client.get("/v1/recognizers").json["recognizers"]) == 1


def test_a_foreign_page_embeds_nothing_but_may_link(client):
    for destination in ("empty", "image", "script", "iframe"):
        mode = "navigate" if destination == "iframe" else "no-cors"
        asks = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}
        assert client.get("/v1/recognizers", headers=asks).status_code == 403
    follows = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert client.get("/v1/recognizers", headers=follows).status_code == 200


def test_every_answer_tells_browsers_the_same(client):
    answers = [
        client.get("/is_alive"),
        client.get("/metrics"),
        client.get("/docs/openapi.json"),
        client.get("/nothing"),
        client.get("/is_available"),
        client.post("/v1/recognizers"),
        client.open("/v1/recognizers", method="TRACE"),
        client.options("/v1/recognizers"),
        client.get("/is_alive", headers={"Host": "evil.example"}),
    ]
    for answer in answers:
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_pages_of_a_named_origin_may_use_it(make_client, people):
    origin = "https://faces.example.org"
    client = make_client(cors_origins=(origin,))
    asks = {"Origin": origin, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    before = client.options("/v1/recognizers", headers=asks | {"Access-Control-Request-Method": "POST"})
    assert before.status_code == 200
    assert before.headers["Access-Control-Allow-Origin"] == origin
    assert before.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS, POST"
    assert "Authorization" in before.headers["Access-Control-Allow-Headers"]
    sent = client.post("/v1/recognizers", data={"images": people.files()}, headers=asks)
    assert (sent.status_code, sent.headers["Access-Control-Allow-Origin"]) == (202, origin)
    assert "Location" in sent.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in sent.headers
    for other in (FOREIGN, FOREIGN | {"Origin": "http://faces.example.org"}, {}):
        answer = client.get("/v1/recognizers", headers=other)
        assert answer.status_code == (403 if other else 200)
        assert "Access-Control-Allow-Origin" not in answer.headers and "Origin" in answer.headers["Vary"]
