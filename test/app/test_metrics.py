"""What whoever watches the service is told."""

import io
import shutil

import pytest
from prometheus_client.parser import text_string_to_metric_families

from jobs.table import tasks
from jobs.table.tables import TaskKind
from jobs.table.tasks import Ending
from jobs.work import runner
from test.full_disk import full_disk


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
    gone = figures(client)
    assert not any(gone[key] for key in waiting if key[0] in ("facial_recognizers", "facial_builds", "facial_files"))
    assert not any(value for (name, *_), value in gone.items() if name == "facial_tasks")
    assert gone["facial_work_seconds_count", "training"] == done["facial_work_seconds_count", "training"] == 1
    assert gone["facial_work_seconds_sum", "training"] > 0


def test_the_room_on_the_disk_is_that_of_the_data_folder(client, workplace):
    free = shutil.disk_usage(workplace.settings.data_dir).free
    assert 0.5 < figures(client)["facial_disk_free_bytes",] / free < 2


def test_requests_are_timed_by_route_method_and_class_of_status(client):
    for path in ("/is_alive", "/is_alive", "/v1/recognizers/Ada-Secret", "/v1/recognizers/Ben-Secret"):
        client.get(path)
    client.delete("/is_alive")
    client.open("/is_alive", method="FORGED")
    client.get("/Ada-Secret")
    text, found = client.get("/metrics").text, figures(client)
    counted = {key[1:]: value for key, value in found.items() if key[0] == "facial_request_seconds_count"}
    assert counted == {
        ("GET", "/is_alive", "2xx"): 2,
        ("GET", "/v1/recognizers/<recognizer_id>", "4xx"): 2,
        ("any", "(no route)", "4xx"): 3,
        ("GET", "/metrics", "2xx"): 1,
    }
    assert found["facial_request_seconds_bucket", "+Inf", "GET", "/is_alive", "2xx"] == 2
    assert 0 < found["facial_request_seconds_sum", "GET", "/is_alive", "2xx"] < 60
    assert "Secret" not in text and "FORGED" not in text


def test_a_full_disk_breaks_no_request(client):
    """What is counted needs no room, and the log, which pytest keeps in a file, goes without its lines."""
    client.get("/v1/recognizers")  # opens the database
    with full_disk():
        assert client.get("/is_alive").status_code == 200
        found = figures(client)
    assert found["facial_request_seconds_count", "GET", "/is_alive", "2xx"] == 1


@pytest.mark.thorough
def test_work_that_a_full_disk_refused_is_counted_once_when_it_is_done(client, gallery, workplace):
    pictures = [next(person.iterdir()) for person in sorted(gallery.iterdir())]
    files = [(io.BytesIO(picture.read_bytes()), f"{picture.parent.name}/1.jpg") for picture in pictures]
    client.post("/build_recognizer", data={"images": files})
    claim = tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a")
    with full_disk():
        assert not runner.run(workplace, claim)
    tasks.release(workplace.database, "encode-0", Ending.TROUBLED)
    refused = figures(client)
    assert refused["facial_work_seconds_count", "picture"] == 0
    assert refused["facial_broken_off_total", "troubled", "encode"] == len(files)
    assert runner.run(workplace, tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a"))
    assert figures(client)["facial_work_seconds_count", "picture"] == len(files)


def test_no_label_is_among_them(client, people):
    secret = [(io.BytesIO(people.picture(name)), f"{name}/1.jpg") for name in ("Ada Secret", "Ben Secret")]
    client.post("/build_recognizer", data={"images": secret, "name": "Secret"})
    assert "Secret" not in client.get("/metrics").text
