"""Builds of people who do not exist are such as encode workers leave."""

from pathlib import Path

import numpy as np

from bench import drawn_builds
from constants.settings import Settings
from features.store import Shelf
from jobs.table import tasks
from jobs.table.builds import build_of
from jobs.table.records import files_of
from jobs.table.tables import DEFAULT_TENANT, TaskKind
from jobs.work.examining import examined, pictures_of
from jobs.workplace import opened_workplace
from preprocessor.version import pipeline_version


def test_a_drawn_build_waits_for_its_training_and_nothing_else(tmp_path: Path) -> None:
    with opened_workplace(Settings(data_dir=tmp_path / "data")) as workplace:
        drawn_builds.begin_build(workplace, 5)
        assert tasks.claim(workplace.database, TaskKind.ENCODE, "inline:0") is None
        assert tasks.claim(workplace.database, TaskKind.TRAIN, "inline:0") is not None
        with workplace.database.read() as connection:
            build = build_of(connection, drawn_builds.RECOGNIZER)
            files = files_of(connection, build.number)
            pictures = pictures_of(connection, Shelf(DEFAULT_TENANT, pipeline_version(workplace.settings)), files)
        found = examined(files, pictures, build.options)
        people = drawn_builds.population(workplace)
    assert [person.person for person in found.examination.people] == [drawn_builds.label_of(n) for n in range(5)]
    assert len(found.named) == 5 * drawn_builds.FACES and not any(face.is_suspect for face in found.examination.faces)
    assert np.array_equal(people.faces(3, 5)[: drawn_builds.FACES], people.faces(3))
    assert 1.2 < np.linalg.norm(people.faces(3)[0]) < 1.6
