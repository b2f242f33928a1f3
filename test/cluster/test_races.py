"""Many who write at the same time on PostgreSQL: as though it had been one after another, whoever is first."""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from constants.exceptions import AlreadyAccepted, Conflict, FacialError, QuotaExceeded
from features.store import FaceFeatures, ImageFeatures, encoded_faces, encoded_images
from jobs.table import builds, tasks
from jobs.table.admission import Admission
from jobs.table.build_options import BuildOptions
from jobs.table.idempotency import KeyedRequest
from jobs.table.quotas import RECOGNITIONS, Allowance
from jobs.table.tables import BuildState, TaskKind, durations, recognizers
from jobs.table.tables import builds as build_table
from jobs.table.tables import files as file_table
from jobs.table.tables import tasks as task_table
from jobs.table.tasks import Ending
from jobs.table.work_counts import Took, Work, count_duration
from jobs.versions import collection, erasing
from jobs.versions.relabelling import Correction, relabel
from jobs.work.encoding import encode_claim
from jobs.workplace import Workplace
from modelization.training_progress import Progress
from test.jobs.planted import plant
from test.jobs.test_collection import Home
from test.jobs.test_tasks import claim, submit, uploads

pytestmark = pytest.mark.thorough

#: How many do something at the same time, and how often they do it.
MANY, ROUNDS = 8, 5

FACE = FaceFeatures((1.0, 2.0, 31.0, 32.0), 1.0, np.zeros((5, 2), np.float32), np.zeros(128, np.float32))


class OneFaceEach(Executor):
    """Finds one face in every picture, without a look at it."""

    def submit(self, _stage: Callable[..., Any], pictures: list[Any], *_more: Any) -> Future[Any]:  # type: ignore[override]
        future: Future[Any] = Future()
        future.set_result([ImageFeatures(40, 40, (FACE,)) for _ in pictures])
        return future


@pytest.fixture
def workplace(workplace) -> Workplace:
    return replace(workplace, executor=OneFaceEach())


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What came of calls that begin together: what each gave, or how it was refused."""
    together = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        together.wait()
        try:
            return call()
        except FacialError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def number_of(workplace: Workplace, table: Any, *where: Any) -> int:
    with workplace.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(table).where(*where)) or 0


def encode_all(workplace: Workplace) -> None:
    while held := claim(workplace):
        encode_claim(workplace, held)


def test_nothing_that_is_counted_is_lost(workplace):
    def count() -> None:
        for _ in range(ROUNDS):
            with workplace.database.write() as connection:
                count_duration(connection, Took(Work.PICTURE, 1.0))

    at_once(*[count] * MANY)
    with workplace.database.read() as connection:
        assert connection.scalars(select(durations.c.number)).all() == [MANY * ROUNDS]


def test_a_quota_is_used_up_exactly(workplace):
    allowance = Allowance(most=((RECOGNITIONS, MANY - 3),))

    def use() -> None:
        with workplace.database.write() as connection:
            allowance.use(connection, RECOGNITIONS)

    refused = [type(error) for error in at_once(*[use] * MANY) if error is not None]
    assert refused == [QuotaExceeded] * 3


def test_a_request_that_comes_many_times_at_once_is_accepted_once(workplace):
    admission = Admission(100, KeyedRequest.of("build", "key", "asked"))
    sent = [uploads(workplace.storage, 2) for _ in range(MANY)]
    submitting = [
        partial(builds.submit, workplace.database, workplace.storage, each, BuildOptions(), admission) for each in sent
    ]
    assert Counter(map(type, at_once(*submitting))) == {str: 1, AlreadyAccepted: MANY - 1}
    assert number_of(workplace, build_table) == len(list(workplace.storage.images.iterdir())) == 1


def test_a_tenant_has_room_for_as_many_recognizers_as_it_may(workplace):
    admission = Admission(100, allowance=Allowance(max_recognizers=MANY - 3))
    sent = [uploads(workplace.storage, 1) for _ in range(MANY)]
    submitting = [
        partial(builds.submit, workplace.database, workplace.storage, each, BuildOptions(), admission) for each in sent
    ]
    assert Counter(map(type, at_once(*submitting))) == {str: MANY - 3, QuotaExceeded: 3}


def test_the_same_pictures_of_two_builds_are_kept_once_and_erased_with_the_last_of_them(workplace):
    for _ in range(ROUNDS):
        both = [submit(workplace, 4) for _ in range(2)]
        first = claim(workplace)
        held = [first, claim(workplace, worker="encode-1:a", after_build=first.build)]
        assert at_once(*(partial(encode_claim, workplace, each) for each in held)) == [None, None]
        assert number_of(workplace, encoded_images) == number_of(workplace, encoded_faces) == 4
        erase = [partial(erasing.erase, workplace.database, workplace.storage, each) for each in both]
        assert at_once(*erase) == [None, None]
        assert number_of(workplace, encoded_images) == number_of(workplace, encoded_faces) == 0


def test_what_one_build_has_just_encoded_is_not_forgotten_with_another(workplace):
    for _ in range(ROUNDS):
        old = submit(workplace, 4)
        encode_all(workplace)
        new = submit(workplace, 4)
        held = claim(workplace)
        erase = partial(erasing.erase, workplace.database, workplace.storage, old)
        outcomes = at_once(partial(encode_claim, workplace, held), erase)
        assert outcomes == [None, None]
        assert number_of(workplace, encoded_images) == number_of(workplace, encoded_faces) == 4
        erasing.erase(workplace.database, workplace.storage, new)


def test_faces_that_are_added_together_make_one_collection(workplace):
    home = Home(workplace)
    pictures = [home.picture("Ada") for _ in range(MANY)]
    added = at_once(*(partial(home.add, "Ada", picture) for picture in pictures))
    assert [error for error in added if isinstance(error, Exception)] == []
    assert number_of(workplace, recognizers) == 1
    assert len(collection.examples(workplace.database, home.id)) == MANY
    assert sorted(each.version for each in added) == list(range(1, MANY + 1))


def test_of_changes_at_once_one_makes_the_next_version(workplace):
    planted = plant(workplace, ("Ada", "Ben", "Cleo"))
    changes = [
        partial(relabel, workplace.database, planted.recognizer_id, [Correction("Ada", f"Ada {number}")])
        for number in range(MANY)
    ]
    made = at_once(*changes)
    assert Counter(map(type, made)) == {int: 1, Conflict: MANY - 1}


class Storm:
    """Does what a service does to its tables, in whatever order, until it was done so often."""

    def __init__(self, workplace: Workplace, seed: int) -> None:
        self._workplace, self._random, self._worker = workplace, random.Random(seed), f"encode-{seed}:a"
        self._held: list[tasks.Claim] = []

    def rage(self, times: int) -> None:
        acts = (self._submit, self._claim, self._encode, self._erase, self._lose, self._train)
        for act in self._random.choices(acts, (1, 2, 2, 1, 1, 1), k=times):
            act()
        self._lose()

    def _submit(self) -> None:
        submit(self._workplace, self._random.randint(1, 20))

    def _claim(self) -> None:
        held = claim(self._workplace, worker=self._worker, after_build=self._random.randint(0, 20))
        self._held += [held] if held is not None else []

    def _encode(self) -> None:
        if self._held:
            self._quietly(encode_claim, self._workplace, self._held.pop())

    def _erase(self) -> None:
        found = [build.id for build in builds.listing(self._workplace.database)]
        if len(found) > 3:
            self._quietly(erasing.erase, self._workplace.database, self._workplace.storage, self._random.choice(found))

    def _lose(self) -> None:
        tasks.release(self._workplace.database, self._worker.partition(":")[0], Ending.INTERRUPTED)

    def _train(self) -> None:
        held = claim(self._workplace, TaskKind.TRAIN, self._worker)
        if held is not None:
            self._quietly(tasks.report_progress, self._workplace.database, held, Progress("epochs", 1, 2))
            self._quietly(tasks.fail, self._workplace.database, held, "It broke.", self._random.random() < 0.5)

    @staticmethod
    def _quietly(act: Callable[..., Any], *arguments: Any) -> None:
        with suppress(FacialError):  # by another one's erasure, or by the loss of its lease
            act(*arguments)


def test_in_a_storm_nobody_waits_for_ever_and_everything_fits(workplace):
    def rage(seed: int) -> None:
        Storm(workplace, seed).rage(20)

    assert at_once(*(partial(rage, seed) for seed in range(MANY))) == [None] * MANY
    encode_all(workplace)
    with workplace.database.read() as connection:
        states = Counter(connection.scalars(select(build_table.c.state)))
        trained = select(task_table.c.build, func.count()).where(task_table.c.kind == TaskKind.TRAIN)
        training = dict(map(tuple, connection.execute(trained.group_by(task_table.c.build))))
        needed = set(connection.scalars(select(file_table.c.content_hash)))
        kept = set(connection.scalars(select(encoded_images.c.content_hash)))
    assert set(states) <= {BuildState.TRAINING, BuildState.FAILED}
    assert len(training) == sum(states.values()) and set(training.values()) <= {1}
    assert kept == needed
