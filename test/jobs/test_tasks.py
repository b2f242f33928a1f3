"""The life of a task, on a real database."""

import numpy as np
import pytest
from sqlalchemy import func, select

from constants.exceptions import BuildCancelled, Overloaded
from constants.reasons import Reason
from features.store import FaceFeatures
from jobs.intake.incoming import IncomingFile
from jobs.table import builds, contents, tasks
from jobs.table.admission import Admission
from jobs.table.build_options import BuildOptions
from jobs.table.builds import Upload
from jobs.table.tables import BuildState, TaskKind, TaskState
from jobs.table.tables import tasks as table
from jobs.table.tasks import ENCODE_BATCH, MAX_ATTEMPTS, Ending, FileOutcome
from jobs.versions import erasing
from modelization.training_progress import Progress, SearchProgress

FACE = FaceFeatures((1.0, 2.0, 31.0, 32.0), 1.0, np.zeros((5, 2), np.float32), np.zeros(128, np.float32))


def uploads(storage, pictures: int) -> list[Upload]:
    made = []
    for number in range(pictures):
        file = IncomingFile(storage.incoming)
        file.write(b"picture %d" % number)
        file.seal()
        made.append(Upload(f"{number}.jpg", f"person {number % 2}", file.content_hash, file.path))
    return made


def submit(workplace, pictures: int, max_open: int = 100) -> str:
    sent = uploads(workplace.storage, pictures)
    return builds.submit(workplace.database, workplace.storage, sent, BuildOptions(), Admission(max_open))


def claim(workplace, kind=TaskKind.ENCODE, worker="encode-0:a", after_build=0):
    return tasks.claim(workplace.database, kind, worker, after_build)


def held(workplace, held_claim) -> list[int]:
    """The files of a claim."""
    with workplace.database.read() as connection:
        return list(connection.scalars(select(table.c.file).where(table.c.token == held_claim.token)))


def finish(workplace, held_claim, reason=None) -> bool:
    outcomes = [FileOutcome(file, (FACE,) if reason is None else (), reason) for file in held(workplace, held_claim)]
    with workplace.database.write() as connection:
        return tasks.finish_encoding(connection, held_claim, outcomes)


def expire(workplace) -> None:
    """Let every lease run out."""
    tasks.expire(workplace.database, {token for token, _ in tasks.leases(workplace.database)})


def count(workplace, state: TaskState) -> int:
    with workplace.database.read() as connection:
        return connection.scalar(select(func.count()).where(table.c.state == state))


def test_a_build_goes_from_queued_to_training(workplace):
    recognizer = submit(workplace, 3)
    assert builds.status(workplace.database, recognizer).state == BuildState.QUEUED
    first = claim(workplace)
    assert len(held(workplace, first)) == 3
    assert builds.status(workplace.database, recognizer).state == BuildState.ENCODING
    assert claim(workplace) is None
    assert claim(workplace, TaskKind.TRAIN) is None
    assert finish(workplace, first)
    assert builds.status(workplace.database, recognizer).state == BuildState.TRAINING
    assert claim(workplace, TaskKind.TRAIN) is not None


def test_training_is_ready_only_after_the_last_batch(workplace):
    submit(workplace, ENCODE_BATCH + 1)
    first, second = claim(workplace), claim(workplace, worker="encode-1:b")
    assert (len(held(workplace, first)), len(held(workplace, second))) == (ENCODE_BATCH, 1)
    assert finish(workplace, second)
    assert claim(workplace, TaskKind.TRAIN) is None
    assert finish(workplace, first)
    assert claim(workplace, TaskKind.TRAIN) is not None
    assert claim(workplace, TaskKind.TRAIN) is None


def test_a_result_without_the_lease_is_refused(workplace):
    recognizer = submit(workplace, 2)
    late = claim(workplace)
    files = held(workplace, late)
    expire(workplace)
    with workplace.database.write() as connection:
        assert not tasks.finish_encoding(connection, late, [FileOutcome(file, (FACE,)) for file in files])
    assert builds.status(workplace.database, recognizer).done == 0
    while again := claim(workplace):
        assert finish(workplace, again)
    assert builds.status(workplace.database, recognizer).state == BuildState.TRAINING


def test_a_file_whose_worker_died_is_tried_again_alone(workplace):
    submit(workplace, 4)
    assert len(held(workplace, claim(workplace))) == 4
    expire(workplace)
    assert [len(held(workplace, claim(workplace))) for _ in range(4)] == [1] * 4


def test_a_new_process_in_a_slot_frees_what_the_one_before_held(workplace):
    submit(workplace, 2)
    claim(workplace, worker="encode-1:old")
    tasks.release(workplace.database, "encode-1", Ending.INTERRUPTED, but="encode-1:old")
    assert count(workplace, TaskState.LEASED) == 2, "its own work is not taken from it"
    tasks.release(workplace.database, "encode-10", Ending.INTERRUPTED, but="encode-10:new")
    assert count(workplace, TaskState.LEASED) == 2, "nor is another slot's"
    tasks.release(workplace.database, "encode-1", Ending.INTERRUPTED, but="encode-1:new")
    assert count(workplace, TaskState.QUEUED) == 2


def test_a_picture_that_kills_workers_is_given_up_and_the_build_goes_on(workplace):
    recognizer = submit(workplace, 3)
    for _ in range(1 + MAX_ATTEMPTS):  # the first time they are together, and nobody knows which of them it was
        while claim(workplace):
            pass
        expire(workplace)
    images = contents.images(workplace.database, recognizer)
    assert {image.reason for image in images} == {Reason.UNPROCESSABLE}
    assert count(workplace, TaskState.DEAD) == 3
    assert builds.status(workplace.database, recognizer).state == BuildState.TRAINING


def test_a_training_that_fails_three_times_fails_the_build(workplace):
    recognizer = submit(workplace, 2)
    finish(workplace, claim(workplace))
    for _ in range(MAX_ATTEMPTS):
        tasks.fail(workplace.database, claim(workplace, TaskKind.TRAIN), "It broke.")
    status = builds.status(workplace.database, recognizer)
    assert status.state == BuildState.FAILED
    assert "/retry" in status.message
    assert "It broke." in status.message
    assert claim(workplace, TaskKind.TRAIN) is None


def test_what_cannot_work_is_not_tried_again(workplace):
    recognizer = submit(workplace, 2)
    finish(workplace, claim(workplace))
    tasks.fail(workplace.database, claim(workplace, TaskKind.TRAIN), "One person only.", final=True)
    assert builds.status(workplace.database, recognizer).message == "One person only."


def test_a_dead_build_does_not_hold_up_another(workplace):
    failing = submit(workplace, 2)
    finish(workplace, claim(workplace))
    tasks.fail(workplace.database, claim(workplace, TaskKind.TRAIN), "No.", final=True)
    going_on = submit(workplace, 2)
    assert finish(workplace, claim(workplace))
    assert builds.status(workplace.database, going_on).state == BuildState.TRAINING
    assert builds.status(workplace.database, failing).state == BuildState.FAILED


def test_builds_take_turns(workplace):
    for _ in range(2):
        submit(workplace, 3 * ENCODE_BATCH)
    served, last = [], 0
    for _ in range(4):
        last = claim(workplace, after_build=last).build
        served.append(last)
    assert served == [1, 2, 1, 2]


def test_progress_renews_the_lease_and_shows(workplace):
    recognizer = submit(workplace, 2)
    finish(workplace, claim(workplace))
    training = claim(workplace, TaskKind.TRAIN)
    before = tasks.leases(workplace.database)
    tasks.report_progress(workplace.database, training, Progress("epochs", 3, 40))
    assert tasks.leases(workplace.database) != before
    status = builds.status(workplace.database, recognizer)
    assert (status.done, status.total, status.unit) == (3, 40, "epochs")
    assert count(workplace, TaskState.LEASED) == 1


def test_deleting_cancels_what_is_being_done(workplace):
    recognizer = submit(workplace, 2)
    encoding = claim(workplace)
    files = held(workplace, encoding)
    erasing.erase(workplace.database, workplace.storage, recognizer)
    with workplace.database.write() as connection:
        assert not tasks.finish_encoding(connection, encoding, [FileOutcome(file, (FACE,)) for file in files])
    with pytest.raises(BuildCancelled):
        tasks.report_progress(workplace.database, encoding, Progress("epochs", 1, 2))
    assert not any(workplace.storage.images.iterdir())


def test_too_many_open_builds_are_refused_and_leave_nothing(workplace):
    submit(workplace, 2, max_open=1)
    folders = sorted(workplace.storage.images.iterdir())
    with pytest.raises(Overloaded):
        submit(workplace, 2, max_open=1)
    assert sorted(workplace.storage.images.iterdir()) == folders
    assert len(builds.listing(workplace.database)) == 1


def counted(workplace) -> list[tuple[int, int, int]]:
    """Attempts, interruptions and troubles of every task."""
    with workplace.database.read() as connection:
        rows = connection.execute(select(table.c.attempts, table.c.interruptions, table.c.troubles))
        return [tuple(row) for row in rows]


def test_what_is_stopped_in_order_gives_its_attempt_back(workplace):
    recognizer = submit(workplace, 2)
    finish(workplace, claim(workplace))
    for _ in range(3 * MAX_ATTEMPTS):
        claim(workplace, TaskKind.TRAIN, "train-0:a")
        tasks.release(workplace.database, "train-0", Ending.STOPPED)
    assert counted(workplace) == [(0, 0, 0)]
    assert builds.status(workplace.database, recognizer).state == BuildState.TRAINING


def test_ends_of_the_whole_service_are_not_the_tasks_doing(workplace):
    recognizer = submit(workplace, 2)
    finish(workplace, claim(workplace))
    for run in range(3 * MAX_ATTEMPTS):
        claim(workplace, TaskKind.TRAIN, f"train-0:{run}:1")
        tasks.release_others(workplace.database, str(run))
        assert count(workplace, TaskState.LEASED) == 1, "not of this run"
        tasks.release_others(workplace.database, str(run + 1))
    assert counted(workplace) == [(0, 3 * MAX_ATTEMPTS, 0)]
    assert builds.status(workplace.database, recognizer).state == BuildState.TRAINING


def test_faults_of_the_machine_are_tried_again_for_long(workplace):
    recognizer = submit(workplace, 2)
    for _ in range(3 * MAX_ATTEMPTS):
        assert len(held(workplace, claim(workplace))) == 2, "still together: neither is to blame"
        tasks.release(workplace.database, "encode-0", Ending.TROUBLED)
    assert counted(workplace) == [(0, 0, 3 * MAX_ATTEMPTS)] * 2
    assert builds.status(workplace.database, recognizer).state == BuildState.ENCODING


def test_each_generation_that_is_kept_begins_the_count_anew(workplace):
    submit(workplace, 2)
    finish(workplace, claim(workplace))
    for generation in range(1, 2 * MAX_ATTEMPTS):
        training = claim(workplace, TaskKind.TRAIN)
        search = SearchProgress(generation, 10, None, None, 0, 1.0)
        tasks.report_progress(workplace.database, training, Progress("generations", generation, 10, search))
        tasks.fail(workplace.database, training, "It broke.")
        assert counted(workplace) == [(1, 0, 0)]
    for _ in range(MAX_ATTEMPTS - 1):
        training = claim(workplace, TaskKind.TRAIN)
        tasks.report_progress(workplace.database, training, Progress("generations", generation, 10, search))
        tasks.fail(workplace.database, training, "It broke.")
    assert count(workplace, TaskState.DEAD) == 1, "going over what was reached before is no progress"


def test_what_was_broken_off_is_kept_from_who_asks_for_the_rest_alone(workplace):
    submit(workplace, 2)
    first = claim(workplace)
    tasks.give_back(workplace.database, first, Ending.INTERRUPTED)
    submit(workplace, 1)

    def unbroken():
        return tasks.claim_unbroken(workplace.database, "cluster:a")

    other = unbroken()
    assert other.build != first.build
    assert unbroken() is None
    assert finish(workplace, other)
    tasks.give_back(workplace.database, other, Ending.TROUBLED)  # nothing of it is held any more
    assert len(held(workplace, claim(workplace))) == 1, "alone"
