"""What is counted of work, on a real database."""

import time

import pytest
from sqlalchemy import update

from jobs.table import counting, tasks
from jobs.table.tables import TaskKind, TaskState
from jobs.table.tables import tasks as table
from jobs.table.tasks import MAX_ATTEMPTS, Ending
from jobs.table.work_counts import DURATIONS_S, Took, Work, count_duration
from test.jobs.test_tasks import claim, finish, submit


def count(workplace) -> counting.Counts:
    return counting.count(workplace.database)


def took(workplace, *durations: Took) -> None:
    with workplace.database.write() as connection:
        for each in durations:
            count_duration(connection, each)


def test_each_piece_of_work_falls_into_its_bucket_and_all_wider_ones(workplace):
    took(
        workplace,
        Took(Work.PICTURE, 0.8, 8),
        Took(Work.PICTURE, 0.3),
        Took(Work.PICTURE, 1e6),
        Took(Work.PICTURE, 0, 0),
    )
    found = count(workplace).durations[Work.PICTURE]
    within = dict(zip(DURATIONS_S, found.within, strict=True))
    assert (within[0.05], within[0.1], within[0.2], within[0.5], within[10000]) == (0, 8, 8, 9, 9)
    assert found.within[-1] == 10, "the longest of all is within infinity"
    assert found.seconds == pytest.approx(1e6 + 1.1)
    assert count(workplace).durations[Work.VIDEO] == counting.Durations((0,) * len(DURATIONS_S), 0)


def test_what_is_rolled_back_is_not_counted(workplace):
    def fail() -> None:
        with workplace.database.write() as connection:
            count_duration(connection, Took(Work.VIDEO, 1.0))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert count(workplace).durations[Work.VIDEO].within[-1] == 0


def test_broken_work_is_counted_by_how_it_ended_and_for_ever(workplace):
    submit(workplace, 1)
    claim(workplace)
    tasks.release(workplace.database, "encode-0", Ending.INTERRUPTED)
    for _ in range(MAX_ATTEMPTS):
        claim(workplace)
        tasks.release(workplace.database, "encode-0", Ending.FAILED)
    found = count(workplace)
    assert found.broken_off["encode", "interrupted"] == 1
    assert found.broken_off["encode", "failed"] == MAX_ATTEMPTS
    assert found.broken_off["train", "failed"] == 0
    assert (found.given_up["encode",], found.given_up["train",]) == (1, 0)


def test_the_oldest_task_is_as_old_as_its_first_queueing(workplace):
    assert count(workplace).oldest_s == {("encode",): 0, ("train",): 0}
    submit(workplace, 2)
    with workplace.database.write() as connection:
        connection.execute(update(table).values(queued_at=time.time() - 100))
    submit(workplace, 2)
    assert 100 <= count(workplace).oldest_s["encode",] < 200
    old = claim(workplace)
    assert count(workplace).oldest_s["encode",] < 100, "the old ones are held, and only the new ones wait"
    tasks.release(workplace.database, "encode-0", Ending.STOPPED)
    assert count(workplace).oldest_s["encode",] >= 100, "what waits again has waited since it was first queued"
    old = claim(workplace)
    assert finish(workplace, old)
    assert count(workplace).tasks[TaskKind.TRAIN, TaskState.QUEUED] == 1
    assert count(workplace).oldest_s["train",] < 100


def test_a_clock_that_was_set_back_makes_no_negative_age(workplace):
    submit(workplace, 1)
    with workplace.database.write() as connection:
        connection.execute(update(table).values(queued_at=time.time() + 3600))
    assert count(workplace).oldest_s["encode",] == 0
