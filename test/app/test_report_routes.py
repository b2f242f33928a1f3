"""The report over HTTP."""

import io
import json
import zipfile

import pytest


@pytest.fixture
def sent(client, people):
    """A build with a picture under a wrong label and a file that is none."""
    files = people.files(people=4, each=5)
    wrong = (io.BytesIO(people.picture("Person 0")), "Person 1/wrong.jpg")
    text = (io.BytesIO(b"not a picture"), "Person 1/text.jpg")
    return client.post("/build_recognizer", data={"images": [*files, wrong, text]}).json["id"]


def test_it_is_the_bundles_own_and_a_browser_runs_nothing_of_it(client, sent, finish):
    assert client.get(f"/report?id={sent}").status_code == 409
    finish()
    page, numbers = client.get(f"/report?id={sent}"), client.get(f"/v1/recognizers/{sent}/report?format=json")
    with zipfile.ZipFile(io.BytesIO(client.get(f"/download_recognizer?id={sent}").data)) as bundle:
        assert page.data == bundle.read("report.html")
        assert numbers.data == bundle.read("report.json")
        german = client.get(f"/report?id={sent}", headers={"Accept-Language": "de-CH"})
        assert german.data == bundle.read("report.de.html")
        assert client.get(f"/report?id={sent}&lang=fr").data == bundle.read("report.fr.html")
    assert {"Accept-Language", "Cookie"} <= set(german.vary)
    assert page.content_type == "text/html; charset=utf-8" and numbers.mimetype == "application/json"
    assert client.get(f"/v1/recognizers/{sent}/report").data == page.data
    for answer in (page, numbers):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "script" not in policy and policy.endswith("sandbox")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_it_names_the_pictures_to_look_at_until_it_is_deleted(client, sent, finish):
    finish()
    told = json.loads(client.get(f"/report?id={sent}&format=json").data)
    assert told["pictures"]["rejected"][0]["reason"] == "NOT_AN_IMAGE"
    assert (told["pictures"]["images_used"], told["pictures"]["images_rejected"]) == (21, 1)
    (doubtful,) = told["findings"]["doubtful_labels"]
    assert (doubtful["file"], doubtful["person"], doubtful["resembles"]) == (
        "Person 1/wrong.jpg",
        "Person 1",
        "Person 0",
    )
    unknown = client.get(f"/v1/recognizers/{sent}/report?format=pdf")
    assert (unknown.status_code, "pdf" in unknown.json["detail"]) == (400, True)
    client.delete(f"/v1/recognizers/{sent}")
    assert client.get(f"/report?id={sent}").status_code == 410


def test_which_recognizer_must_be_said(client):
    assert client.get("/report").status_code == 400
    assert client.get("/report?id=unknown").status_code == 404
