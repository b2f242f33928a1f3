"""What whoever watches the service is told."""

import io

from prometheus_client.parser import text_string_to_metric_families


def figures(client) -> dict[tuple[str, ...], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200 and answer.mimetype == "text/plain"
    families = text_string_to_metric_families(answer.text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_builds_are_counted_from_waiting_to_erased(client, people, finish):
    assert figures(client)["facial_recognizers",] == 0
    recognizer = client.post("/build_recognizer", data={"images": people.files()}).json["id"]
    waiting = figures(client)
    assert waiting["facial_recognizers",] == waiting["facial_builds", "queued"] == 1
    assert waiting["facial_tasks", "encode", "queued"] == waiting["facial_files", "waiting"] == 12
    finish()
    done = figures(client)
    assert done["facial_builds", "ready"] == 1 and done["facial_builds", "queued"] == 0
    assert done["facial_files", "encoded"] == 12
    assert not any(value for (name, *_), value in done.items() if name == "facial_tasks")
    client.delete(f"/v1/recognizers/{recognizer}")
    assert not any(figures(client).values())


def test_no_label_is_among_them(client, people):
    secret = [(io.BytesIO(people.picture(name)), f"{name}/1.jpg") for name in ("Ada Secret", "Ben Secret")]
    client.post("/build_recognizer", data={"images": secret, "name": "Secret"})
    assert "Secret" not in client.get("/metrics").text
