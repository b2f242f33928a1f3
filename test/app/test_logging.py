"""What the log says of requests and of builds: one line each, with numbers, and without anybody's name."""

import io
import json

import pytest

from jobs.table import tasks
from jobs.table.tables import TaskKind
from jobs.table.tasks import MAX_ATTEMPTS, Ending
from jobs.work import runner
from logger import start_logging

#: What a person of these tests is called, and the file that shows the person.
SECRET = "Ada Secret"


@pytest.fixture
def client(make_client):
    return make_client(log_format="json")


@pytest.fixture
def logged(client, capsys, service_settings):
    """The lines since it was last asked, those about requests left out."""

    def lines() -> list[dict[str, object]]:
        said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        return [line for line in said if "method" not in line]

    yield lines
    start_logging(service_settings, "web")


def send(client, people, each=2, **fields):
    files = [
        (io.BytesIO(people.picture(name)), f"{name}/{number}-Secret.jpg")
        for name in (SECRET, "Ben Secret")
        for number in range(each)
    ]
    return client.post("/v1/recognizers", data={"images": files, "name": SECRET, **fields})


def steps(lines) -> list[str]:
    words = [str(line["message"]).split()[0].rstrip(":,") for line in lines]
    return [word for word in words if word != "nothing"]  # is left of what was erased: told when it is found


def test_a_method_cannot_forge_a_line(make_client, capsys, service_settings):
    for form in ("text", "json"):
        client = make_client(log_format=form)
        client.open("/is_alive", method="GET\n2026-01-01T00:00:00.000+00:00 INFO    web          - FORGED\x1b[1A")
        (line, end) = capsys.readouterr().err.split("\n")
        assert line.isprintable() and "FORGED" in line and end == ""
    start_logging(service_settings, "web")


def test_a_build_is_told_from_its_acceptance_to_its_end(client, people, finish, logged):
    answer = send(client, people)
    finish()
    lines = logged()
    assert steps(lines) == ["accepted", "encode", "encoded", "train", "trained", "ready"]
    assert {line["about"] for line in lines} == {f"{answer.json['id']}/1"}
    assert {line["version"] for line in lines} == {1}
    accepted, _, encoded, _, trained, ready = lines
    assert accepted["request"] == answer.headers["X-Request-ID"]
    assert (accepted["files"], accepted["waiting"], accepted["refused"]) == (4, 4, 0)
    assert (encoded["files"], encoded["faces"], encoded["waiting"]) == (4, 4, 0)
    assert (trained["people"], trained["faces"]) == (2, 4)
    assert (ready["people"], ready["learnt_faces"], ready["attempts"]) == (2, 4, 0)
    assert ready["seconds"] >= trained["seconds"] > 0
    assert "Secret" not in json.dumps(lines)


def test_changes_of_a_recognizer_are_told(client, people, finish, logged):
    recognizer = send(client, people, each=4).json["id"]
    finish()
    url = f"/v1/recognizers/{recognizer}"
    more = [(io.BytesIO(people.picture("Cleo Secret")), f"Cleo Secret/{number}.jpg") for number in range(2)]
    logged()
    assert client.post(f"{url}/people", data={"images": more}).status_code == 202
    finish()
    grown = logged()
    assert (grown[0]["files"], grown[0]["waiting"]) == (10, 2)
    assert client.delete(f"{url}/people/{SECRET}").status_code == 202
    finish()
    forgotten = [line for line in logged() if "/3" in line["about"]]  # what is erased has lines of its own
    assert steps(forgotten) == ["a", "accepted", "encoded", "train", "trained", "ready"]
    assert (forgotten[0]["forgotten_faces"], forgotten[0]["versions"]) == (4, 2)
    assert {line["about"] for line in forgotten} == {f"{recognizer}/3"}
    assert client.delete(f"{url}?version=3").status_code == 204
    assert client.get(url).status_code == 410
    erased, *_ = logged()
    assert (erased["about"], erased["versions"], erased["cancelled"]) == (recognizer, 1, 0)
    assert "Secret" not in json.dumps([*grown, *forgotten, erased])


def test_a_build_that_is_deleted_while_it_waits_is_told_as_cancelled(client, people, logged):
    recognizer = send(client, people).json["id"]
    client.delete(f"/v1/recognizers/{recognizer}")
    _, erased, *_ = logged()
    assert (erased["about"], erased["versions"], erased["cancelled"]) == (recognizer, 1, 1)


def test_work_that_is_broken_off_and_given_up_is_told(client, people, workplace, logged):
    recognizer = send(client, people).json["id"]
    runner.run(workplace, tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a"))
    logged()
    for _ in range(MAX_ATTEMPTS):
        tasks.claim(workplace.database, TaskKind.TRAIN, "train-0:a")
        tasks.release(workplace.database, "train-0", Ending.FAILED)
    lines = logged()
    assert steps(lines) == ["train", "train"] * MAX_ATTEMPTS + ["failed"]
    assert [line["ending"] for line in lines[1::2]] == ["failed"] * MAX_ATTEMPTS
    failed = lines[-1]
    assert (failed["level"], failed["about"], failed["attempts"]) == ("WARNING", f"{recognizer}/1", MAX_ATTEMPTS)
    assert client.post(f"/v1/recognizers/{recognizer}/retry").status_code == 202
    assert steps(logged()) == ["retried", "encoded"]


def test_what_is_not_committed_is_not_told(client, people, workplace, logged):
    send(client, people)
    claim = tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:late")
    tasks.release(workplace.database, "encode-0", Ending.INTERRUPTED)
    logged()
    runner.run(workplace, claim)
    (line,) = logged()
    assert "cancelled or taken over" in line["message"] and "Secret" not in json.dumps(line)
