"""A recognizer that is ready without some pictures gets a version with them."""

import pytest
from sqlalchemy import update

from jobs.table import tasks
from jobs.table.tables import TaskKind
from jobs.table.tables import tasks as table
from jobs.table.tasks import MAX_ATTEMPTS
from jobs.work import runner

pytestmark = pytest.mark.thorough


def test_pictures_that_were_given_up_join_in_a_version_of_their_own(client, people, workplace, finish):
    recognizer = client.post("/build_recognizer", data={"images": people.files(3, 3)}).json["id"]
    assert runner.run(workplace, tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a"))
    unlucky = tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a")
    with workplace.database.write() as connection:
        connection.execute(update(table).where(table.c.token == unlucky.token).values(attempts=MAX_ATTEMPTS - 1))
    tasks.fail(workplace.database, unlucky, "It broke.")
    finish()
    url = f"/v1/recognizers/{recognizer}"
    assert client.get(url).json["message"] == f"ready: 3 people from 8 faces; 1 file was not used: see {url}/images"
    assert [path.name for path in workplace.storage.images.rglob("*") if path.is_file()] == ["8"]
    answer = client.post(f"{url}/retry")
    assert (answer.status_code, answer.json["version"]) == (202, 2)
    assert answer.headers["Location"].endswith("version=2")
    assert client.post(f"{url}/retry").status_code == 409, "it is being made"
    finish()
    assert client.get(url).json["message"] == "ready: 3 people from 9 faces"
    assert not [path for path in workplace.storage.images.rglob("*") if path.is_file()]
    assert client.post(f"{url}/retry").status_code == 409, "nothing is left"
