"""What was given up is tried again, from what is kept of it."""

import pytest
from sqlalchemy import update

from constants.exceptions import Conflict, NotFound
from constants.reasons import Reason
from jobs.table import builds, contents, tasks
from jobs.table.tables import BuildState, FileState, TaskKind
from jobs.table.tables import tasks as table
from jobs.table.tasks import MAX_ATTEMPTS, Ending
from jobs.versions import erasing, retrying
from jobs.work.tidying import tidy_build
from test.jobs.test_tasks import claim, finish, held, submit


def give_up(workplace, kind) -> None:
    """Let the next task of a kind fail as often as it may."""
    first = claim(workplace, kind)
    files = held(workplace, first)
    with workplace.database.write() as connection:
        connection.execute(update(table).where(table.c.token == first.token).values(attempts=MAX_ATTEMPTS - 1))
    if len(files) > 1:
        pytest.fail("one file at a time")
    tasks.fail(workplace.database, first, "It broke.")


def pictures(workplace) -> list[str]:
    return sorted(path.name for path in workplace.storage.images.rglob("*") if path.is_file())


@pytest.fixture
def failed(workplace):
    """A recognizer of nine pictures, one of which was given up, whose training was given up as well."""
    recognizer = submit(workplace, 9)
    assert finish(workplace, claim(workplace))
    give_up(workplace, TaskKind.ENCODE)
    give_up(workplace, TaskKind.TRAIN)
    tidy_build(workplace.database, workplace.storage, 1)
    return recognizer


def test_a_failed_build_keeps_what_was_given_up_and_goes_on_with_it(workplace, failed):
    status = builds.status(workplace.database, failed)
    assert (status.state, f"/v1/recognizers/{failed}/retry" in status.message) == (BuildState.FAILED, True)
    assert pictures(workplace) == ["8"]
    assert retrying.retry(workplace.database, workplace.storage, failed) == 1
    assert builds.status(workplace.database, failed).state == BuildState.ENCODING
    assert contents.images(workplace.database, failed)[8].state == FileState.WAITING
    again = claim(workplace)
    assert len(held(workplace, again)) == 1
    assert finish(workplace, again)
    assert builds.status(workplace.database, failed).state == BuildState.TRAINING
    for _ in range(MAX_ATTEMPTS - 1):  # counted from the beginning
        tasks.fail(workplace.database, claim(workplace, TaskKind.TRAIN), "It broke.")
        assert builds.status(workplace.database, failed).state == BuildState.TRAINING


def test_a_training_alone_is_tried_again(workplace):
    recognizer = submit(workplace, 2)
    finish(workplace, claim(workplace))
    give_up(workplace, TaskKind.TRAIN)
    retrying.retry(workplace.database, workplace.storage, recognizer)
    assert builds.status(workplace.database, recognizer).state == BuildState.TRAINING
    assert claim(workplace, TaskKind.TRAIN) is not None
    assert claim(workplace, TaskKind.TRAIN) is None, "once"


def test_where_nothing_was_given_up_there_is_nothing_to_try(workplace):
    recognizer = submit(workplace, 2)
    with pytest.raises(Conflict):
        retrying.retry(workplace.database, workplace.storage, recognizer)
    finish(workplace, claim(workplace))
    tasks.release(workplace.database, "train-0", Ending.FAILED)
    with pytest.raises(Conflict):
        retrying.retry(workplace.database, workplace.storage, recognizer)
    with pytest.raises(NotFound):
        retrying.retry(workplace.database, workplace.storage, "0" * 32)


def test_deleting_deletes_what_was_kept_to_try_again(workplace, failed):
    erasing.erase(workplace.database, workplace.storage, failed)
    assert pictures(workplace) == []


def test_a_file_that_was_given_up_has_its_reason_meanwhile(workplace, failed):
    assert contents.images(workplace.database, failed)[8].reason == Reason.UNPROCESSABLE
