"""How a training's progress, and its signs of life, come to the table."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from constants.exceptions import BuildCancelled
from features import store
from features.store import FaceFeatures, ImageFeatures, Shelf
from jobs.table import builds, tasks
from jobs.table.records import files_of
from jobs.table.tables import DEFAULT_TENANT, TaskKind
from jobs.work import progress, runner
from jobs.work.progress import TrainingReport
from jobs.workplace import ImmediateExecutor
from modelization.training_progress import Progress, preparing
from preprocessor.version import pipeline_version
from test.jobs.test_tasks import claim, finish, submit
from test.modelization import made_up


@pytest.fixture
def training(workplace) -> tasks.Claim:
    submit(workplace, 2)
    finish(workplace, claim(workplace))
    return claim(workplace, TaskKind.TRAIN)


def renewals(workplace) -> int:
    ((_, count),) = tasks.leases(workplace.database)
    return count


def test_what_is_said_again_is_recorded_now_and_then_and_what_is_new_is_not_held_back(workplace, training, monkeypatch):
    report = TrainingReport(workplace.settings.database, training)
    for _ in range(20):
        report(preparing(searches=False))
    assert renewals(workplace) == 1
    assert builds.newest(workplace.database, DEFAULT_TENANT).message == "preparing the training"
    report(Progress("epochs", 40, 40))
    assert renewals(workplace) == 2, "a stage's end is not held back"
    for _ in range(20):
        report(Progress("epochs", 40, 40))
    assert renewals(workplace) == 2
    monkeypatch.setattr(progress, "_SIGN_OF_LIFE_S", 0.0)
    pickle.loads(pickle.dumps(report))(Progress("epochs", 40, 40))
    assert renewals(workplace) == 3
    assert builds.newest(workplace.database, DEFAULT_TENANT).message == "trained 40 of 40 epochs"
    tasks.expire(workplace.database, {training.token})
    with pytest.raises(BuildCancelled):
        report(Progress("epochs", 40, 40))


class Noting(ImmediateExecutor):
    """Runs a stage and notes its name."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    def submit(self, fn, /, *args, **kwargs):
        self.stages.append(fn.__name__)
        return super().submit(fn, *args, **kwargs)


def test_a_training_that_is_cancelled_ends_while_faces_are_still_grouped(workplace, monkeypatch):
    recognizer = submit(workplace, 8)
    encodings, _ = made_up.faces([4, 4], seed=3)
    encoding = claim(workplace)
    with workplace.database.write() as connection:
        outcomes, images = [], {}
        for file, own in zip(files_of(connection, encoding.build), encodings, strict=True):
            face = FaceFeatures((1.0, 2.0, 31.0, 32.0), 1.0, np.zeros((5, 2), np.float32), own)
            outcomes.append(tasks.FileOutcome(file.id, (face,)))
            images[file.content_hash] = ImageFeatures(40, 40, (face,))
        assert tasks.finish_encoding(connection, encoding, outcomes)
        store.put(connection, Shelf(DEFAULT_TENANT, pipeline_version(workplace.settings)), images)
    held = claim(workplace, TaskKind.TRAIN)
    tasks.expire(workplace.database, {held.token})
    noting = Noting()
    runner.run(replace(workplace, executor=noting), held)
    assert noting.stages == []
    assert builds.status(workplace.database, recognizer).state == "training", "somebody else's"
