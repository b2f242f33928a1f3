"""Lists a part at a time, and of what is sought alone."""

import io
import re
from html import unescape

import pytest
from sqlalchemy import update

from constants.reasons import Reason
from jobs.table.admission import Admission
from jobs.table.build_options import BuildOptions
from jobs.table.builds import Upload, submit
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


def test_a_page_lists_a_thousand_files_that_were_not_used_and_says_where_the_others_are(client, workplace):
    refused = [Upload(f"{number}.txt", None, f"{number:064x}", reason=Reason.NOT_AN_IMAGE) for number in range(1005)]
    recognizer = submit(workplace.database, workplace.storage, refused, BuildOptions(dry_run=True), Admission(10))
    with workplace.database.write() as connection:
        connection.execute(update(builds).values(state=BuildState.EXAMINED))
    page = client.get(f"/recognizers/{recognizer}").text
    assert "<b>1005</b>" in page and "0.txt" in page and "999.txt" in page and "1000.txt" not in page
    (others,) = re.findall(r'<a href="([^"]+)">5 more files, in the list of images</a>', page)
    shown = client.get(unescape(others)).json
    assert [image["file"] for image in shown["images"]] == [f"{number}.txt" for number in range(1000, 1005)]
    assert shown["total"] == 1005


def test_a_list_of_many_files_is_whole(client, workplace):
    sent = [Upload(f'"{number}"\u00e9.jpg', "Ada", f"{number:064x}") for number in range(1203)]
    recognizer = submit(workplace.database, workplace.storage, sent, BuildOptions(), Admission(10))
    answer = client.get(f"/v1/recognizers/{recognizer}/images").json
    assert [image["file"] for image in answer["images"]] == [f'"{number}"\u00e9.jpg' for number in range(1203)]
    assert (answer["id"], answer["total"]) == (recognizer, 1203)
