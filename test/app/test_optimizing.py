"""Builds that search for their topology, and the stream of events that says how far they are."""

import io
import json
import threading
import time
import zipfile
from dataclasses import asdict
from itertools import pairwise

import pytest

from app import events
from jobs.files.layout import is_part
from jobs.table import builds, tasks
from jobs.table.tables import TaskKind
from jobs.work import runner
from modelization.bundle.bundle_file import search_file
from modelization.training_progress import FrontPoint, Progress, SearchProgress

#: A search of a second or two.
SMALL = {"optimize": "1", "generations": "2", "population": "4", "max_layers": "1"}


def build(client, people, **fields) -> str:
    answer = client.post("/build_recognizer", data={"images": people.files(), **fields})
    assert answer.status_code == 202, answer.json
    return answer.json["id"]


def manifest_of(client, recognizer, version=1) -> dict:
    bundle = client.get(f"/v1/recognizers/{recognizer}/model?version={version}")
    with zipfile.ZipFile(io.BytesIO(bundle.data)) as opened:
        return json.loads(opened.read("manifest.json"))


def encoded(workplace) -> None:
    """Bring every build to where only its training is left."""
    while claim := tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a"):
        runner.run(workplace, claim)


def parsed(stream: bytes) -> list[tuple[str, dict]]:
    """The events of a stream, and what they say; a sign of life, which a slow machine gives, is none."""
    events = []
    for event in filter(lambda event: not event.startswith(":"), stream.decode().split("\n\n")[:-1]):
        fields = dict(line.split(": ", 1) for line in event.splitlines())
        events.append((fields["event"], json.loads(fields["data"])))
    return events


def test_a_search_is_told_of_from_its_progress_to_the_report(client, people, finish, workplace):
    recognizer = build(client, people, **SMALL, seed="3")
    finish()
    ready = client.get(f"/is_available?id={recognizer}").json
    assert ready["progress"] == {"done": 12, "total": 12, "unit": "images"}
    manifest = manifest_of(client, recognizer)
    search = manifest["search"]
    assert search.pop("time_budget_s") == 300
    assert search == {
        "generations": 2,
        "population": 4,
        "max_layers": 1,
        "seed": 3,
        "evaluated": 8,
        "stopped_by": "generations",
    }
    report = client.get(f"/report?id={recognizer}&format=json").json
    assert report["search"]["chosen"]["topology"] == manifest["topology"]
    assert report["search"]["lineage"] and report["search"]["front"]
    published = builds.ready(workplace.database, recognizer).bundle
    kept = [path.name for path in (workplace.storage.bundles / recognizer).iterdir()]
    assert all(is_part(name, published) for name in kept), "where the search stood is not kept"


def test_while_it_is_searched_the_client_sees_how_far_it_is(client, people, workplace):
    recognizer = build(client, people, **SMALL)
    encoded(workplace)
    training = tasks.claim(workplace.database, TaskKind.TRAIN, "train-0:a")
    assert client.get("/is_available").json["progress"] == {"done": 0, "total": 0, "unit": "generations"}
    far = SearchProgress(1, 2, 0.0123, 1, 4, 298.6, (FrontPoint(0, 0.02), FrontPoint(1, 0.0123)))
    tasks.report_progress(workplace.database, training, Progress("generations", 1, 2, far))
    shown = client.get(f"/is_available?id={recognizer}").json
    search = asdict(far) | {"front": [{"layers": 0, "error": 0.02}, {"layers": 1, "error": 0.0123}]}
    assert shown["progress"] == {"done": 1, "total": 2, "unit": "generations", "search": search}
    assert "1 of 2 generations" in shown["message"] and "1.2 %" in shown["message"]
    assert client.get(f"/v1/recognizers/{recognizer}").json["progress"] == shown["progress"]
    tasks.report_progress(workplace.database, training, Progress("epochs", 5, 90))
    assert client.get("/is_available").json["progress"] == {"done": 5, "total": 90, "unit": "epochs"}


def test_a_version_made_from_a_searched_one_has_its_topology_and_searches_no_more(client, people, finish):
    recognizer = build(client, people, **SMALL)
    finish()
    more = [(io.BytesIO(people.picture("Person 9")), f"Person 9/{i}.jpg") for i in range(2)]
    assert client.post(f"/v1/recognizers/{recognizer}/people", data={"images": more}).status_code == 202
    finish()
    first, second = manifest_of(client, recognizer, 1), manifest_of(client, recognizer, 2)
    assert second["topology"] == first["topology"]
    assert first["search"] and second["search"] is None


@pytest.mark.thorough
def test_deleting_ends_a_search_that_would_take_minutes(client, people, workplace):
    recognizer = build(client, people, optimize="1", generations="200", population="64")
    encoded(workplace)
    training = tasks.claim(workplace.database, TaskKind.TRAIN, "train-0:a")
    searching = threading.Thread(target=runner.run, args=(workplace, training))
    searching.start()
    while "search" not in client.get(f"/v1/recognizers/{recognizer}").json["progress"]:
        assert searching.is_alive()
        time.sleep(0.05)
    assert client.delete(f"/v1/recognizers/{recognizer}").status_code == 204
    searching.join(60)
    assert not searching.is_alive()
    assert not any(workplace.storage.bundles.iterdir())


def test_what_a_search_left_is_deleted_with_its_version(client, people, workplace):
    recognizer = build(client, people, **SMALL)
    encoded(workplace)
    state = search_file(workplace.storage.begin_bundle(recognizer, 1, "token"))
    for name in (state.name, f".{state.name}.part"):
        state.with_name(name).write_text("{}")
    assert client.delete(f"/v1/recognizers/{recognizer}?version=1").status_code == 204
    assert not state.parent.exists()


def test_people_of_one_face_leave_nothing_to_search_by(client, people, finish):
    files = [(io.BytesIO(people.picture(name)), f"{name}/1.jpg") for name in ("Ada", "Ben")]
    recognizer = client.post("/build_recognizer", data={"images": files, **SMALL}).json["id"]
    finish()
    ready = client.get(f"/is_available?id={recognizer}").json
    assert ready["available"] == 1
    assert "two faces" in ready["message"]


def test_events_tell_every_step_and_then_end(client, people, finish):
    recognizer = build(client, people, **SMALL)
    received: list[tuple[str, dict]] = []
    stream = client.get(f"/v1/recognizers/{recognizer}/events", buffered=False)
    assert stream.mimetype == "text/event-stream"
    reader = threading.Thread(target=lambda: received.extend(parsed(stream.data)))
    reader.start()
    finish()
    reader.join(60)
    assert not reader.is_alive()
    stream.close()
    assert [name for name, _ in received] == ["progress"] * (len(received) - 1) + ["ended"]
    assert received[0][1]["state"] in ("queued", "encoding")
    assert received[-1][1] == client.get(f"/is_available?id={recognizer}").json
    assert all(before != after for (_, before), (_, after) in pairwise(received))


def test_events_of_what_has_ended_are_one_and_a_client_that_comes_back_stays_away(client, people, finish):
    recognizer = build(client, people)
    finish()
    url = f"/v1/recognizers/{recognizer}/events"
    stream = client.get(url).data
    assert [name for name, _ in parsed(b"\n".join(stream.splitlines()[1:]) + b"\n\n")] == ["ended"]
    identity = stream.decode().splitlines()[0].removeprefix("id: ")
    assert client.get(url, headers={"Last-Event-ID": identity}).status_code == 204


def test_events_end_when_the_build_is_deleted(client, people):
    recognizer = build(client, people)
    stream = client.get(f"/v1/recognizers/{recognizer}/events", buffered=False)
    assert client.delete(f"/v1/recognizers/{recognizer}").status_code == 204
    assert parsed(stream.data)[-1][0] == "erased"
    stream.close()


@pytest.mark.parametrize(("path", "status"), [("unknown", 404), ("erased", 410)])
def test_events_of_nothing_are_refused_before_they_begin(client, people, path, status):
    recognizer = build(client, people)
    client.delete(f"/v1/recognizers/{recognizer}")
    answer = client.get(f"/v1/recognizers/{recognizer if path == 'erased' else path}/events")
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


def test_streams_leave_threads_for_everyone_else(client, people):
    recognizer = build(client, people)
    url = f"/v1/recognizers/{recognizer}/events"
    open_ones = [client.get(url, buffered=False) for _ in range(events.MOST_STREAMS)]
    refused = client.get(url)
    assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 0
    for stream in open_ones:
        stream.close()
    client.delete(f"/v1/recognizers/{recognizer}")
    assert client.get(url).status_code == 410
    assert client.get("/is_alive").status_code == 200
