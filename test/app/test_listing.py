"""Lists a part at a time, and of what is sought alone."""

import io

import pytest
from sqlalchemy import update

from jobs.table.tables import BuildState, builds


@pytest.fixture
def several(client, people, workplace) -> list[str]:
    """Recognizers that are called by their number, the newest first; the oldest has failed."""
    ids = []
    for number in range(4):
        answer = client.post("/v1/recognizers", data={"images": people.files(2, 1), "name": f"Family {number}%"})
        ids.insert(0, answer.json["id"])
    with workplace.database.write() as connection:
        failed = update(builds).where(builds.c.recognizer_id == ids[-1])
        connection.execute(failed.values(state=BuildState.FAILED, message="nothing"))
    return ids


def found(client, query: str) -> tuple[list[str], int]:
    answer = client.get(f"/v1/recognizers{query}").json
    return [one["id"] for one in answer["recognizers"]], answer["total"]


def test_recognizers_come_in_parts_and_by_name_and_state(client, several):
    assert found(client, "") == (several, 4)
    assert found(client, "?limit=3") == (several[:3], 4)
    assert found(client, "?limit=3&offset=3") == (several[3:], 4)
    assert found(client, "?offset=9") == ([], 4)
    assert found(client, "?name=family+2") == ([several[1]], 1)
    assert found(client, "?name=%25&limit=1") == (several[:1], 4)
    assert found(client, "?name=_") == ([], 0), "signs that mean something to a database mean themselves"
    assert found(client, "?state=failed") == (several[3:], 1)
    assert found(client, "?state=queued&name=Family&limit=1&offset=1") == (several[1:2], 3)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=1.0", "limit=", "offset=-1", "state=lost", "page=2"])
def test_what_is_no_part_of_a_list_is_refused(client, query):
    answer = client.get(f"/v1/recognizers?{query}")
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_request")


def test_files_and_people_come_likewise(client, people, finish):
    files = [*people.files(3, 2), (io.BytesIO(b"text"), "Person 0/no picture.jpg")]
    answer = client.post("/v1/recognizers", data={"images": files, "dry_run": "1"})
    assert answer.json["labels"] == "Labels are folders of level 1, as in 'Person 0/0.jpg': 3 people."
    finish()
    path = f"/v1/recognizers/{answer.json['id']}"

    def images(query: str) -> tuple[list[int], int]:
        shown = client.get(f"{path}/images?{query}").json
        return [image["number"] for image in shown["images"]], shown["total"]

    assert images("") == (list(range(7)), 7)
    assert images("limit=2&offset=5") == ([5, 6], 7)
    assert images("state=rejected") == images("reason=NOT_AN_IMAGE") == ([6], 1)
    assert images("label=Person+0&state=encoded") == ([0, 1], 2)
    shown = client.get(f"{path}/people?limit=1&offset=1").json
    assert ([person["label"] for person in shown["people"]], shown["total"]) == (["Person 1"], 3)
    shown = client.get(f"{path}/people?label=SON+2").json
    assert ([person["label"] for person in shown["people"]], shown["total"]) == (["Person 2"], 1)


def test_flat_names_are_answered_with_a_hint(client, people):
    answer = client.post("/v1/recognizers", data={"images": people.files(2, 2, folders=False)})
    assert "label_from=filename" in answer.json["labels"]
