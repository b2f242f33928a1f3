"""Many who claim and finish at the same time, each over a connection of its own, on PostgreSQL."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select

from jobs.table import tasks
from jobs.table.tables import TaskKind, TaskState
from jobs.table.tables import tasks as table
from jobs.table.tasks import ENCODE_BATCH
from test.jobs.test_tasks import claim, finish, held, submit

pytestmark = pytest.mark.thorough

#: Workers at the same time, and the batches of pictures that they share.
WORKERS, BATCHES = 6, 12


def test_no_picture_is_claimed_twice_and_none_is_left(workplace):
    submit(workplace, BATCHES * ENCODE_BATCH)
    together = Barrier(WORKERS)

    def work(worker: int) -> list[int]:
        mine = []
        together.wait()
        while (claimed := claim(workplace, worker=f"encode-{worker}:a")) is not None:
            mine += held(workplace, claimed)
        return mine

    with ThreadPoolExecutor(WORKERS) as pool:
        claimed = Counter(file for mine in pool.map(work, range(WORKERS)) for file in mine)
    assert len(claimed) == BATCHES * ENCODE_BATCH
    assert set(claimed.values()) == {1}


def test_a_claim_waits_for_no_other_and_takes_what_is_next(workplace):
    submit(workplace, ENCODE_BATCH + 2)
    submit(workplace, 1)
    taking = select(table.c.id).order_by(table.c.id).with_for_update()
    with workplace.database.write() as connection:
        connection.execute(taking.limit(ENCODE_BATCH))
        assert len(held(workplace, claim(workplace))) == 2
        assert claim(workplace).build == 2, "of the first one nothing is left that nobody takes"
        assert claim(workplace) is None
    assert len(held(workplace, claim(workplace))) == ENCODE_BATCH, "it was not taken after all"


def test_who_finish_the_last_pictures_together_queue_one_training(workplace):
    for _ in range(BATCHES):
        submit(workplace, 2 * ENCODE_BATCH)
        last = [claim(workplace, worker=f"encode-{worker}:a") for worker in range(2)]
        together = Barrier(len(last))

        def end(claimed: tasks.Claim, together: Barrier = together) -> bool:
            together.wait()
            return finish(workplace, claimed)

        with ThreadPoolExecutor(len(last)) as pool:
            assert all(pool.map(end, last))
    queued = select(table.c.build, func.count()).where(
        table.c.kind == TaskKind.TRAIN, table.c.state == TaskState.QUEUED
    )
    with workplace.database.read() as connection:
        trainings = connection.execute(queued.group_by(table.c.build)).all()
    assert [number for _, number in trainings] == [1] * BATCHES
