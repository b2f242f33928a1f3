"""Data folders of other releases: carried over and gone on with, or refused and left as they are."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from constants.exceptions import OtherRelease
from constants.release import VERSION
from constants.settings import Settings
from features.database import Database, metadata
from jobs.table import builds, contents, migrating, tasks
from jobs.table.tables import BuildState, Choice
from jobs.versions import comparing, erasing, forgetting
from jobs.work import runner
from jobs.workplace import Workplace

pytestmark = pytest.mark.thorough

OLD = Path(__file__).parent.parent / "data" / "release_0_9_0"


@pytest.fixture
def old(tmp_path) -> Settings:
    """The settings of a service whose data folder release 0.9.0 left behind."""
    shutil.copytree(OLD, tmp_path / "data")
    return Settings(data_dir=tmp_path / "data", encode_workers=1)


@pytest.fixture
def workplace(old):
    opened = Workplace.of(old)
    yield opened
    opened.database.close()


def by_name(workplace) -> dict[str, str]:
    return {status.name: status.id for status in builds.listing(workplace.database)}


def test_tables_that_were_carried_over_are_those_of_this_release(workplace, tmp_path):
    fresh = Workplace.of(Settings(data_dir=tmp_path / "fresh"))
    for made in (workplace, fresh):
        with made.database.read() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    fresh.database.close()


def test_the_schema_is_the_last_migration():
    config = Config()
    config.set_main_option("script_location", str(Path(migrating.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == migrating.SCHEMA
    assert tuple(map(int, migrating.SCHEMA.split("."))) <= tuple(map(int, VERSION.split(".")))


def test_what_was_found_stays(workplace):
    ready = by_name(workplace)["ready"]
    images = {image.file: image for image in contents.images(workplace.database, ready)}
    group = images["group.jpg"]
    assert [(face.face, face.person) for face in group.faces] == [
        (0, "Barack"),
        (1, "Eileen"),
        (2, "Grace"),
        (3, None),
    ]
    assert {face.choice for face in group.faces[:3]} == {Choice.RESEMBLANCE}
    (own,) = images["Barack/4.jpg"].faces
    assert (own.person, own.choice, own.suspect) == ("Barack", Choice.LABEL, False)
    assert (own.box.x_min, own.box.y_max, own.quality.sharpness) == (93, 110, 0.698)
    assert "group.jpg" in {near.file for near in own.near_duplicates}
    assert images["Grace/broken.jpg"].reason == "DAMAGED_IMAGE"
    people = contents.people(workplace.database, ready)
    assert [(person.label, person.faces) for person in people] == [("Barack", 6), ("Eileen", 6), ("Grace", 6)]
    assert all(images[person.typical.file].faces[person.typical.face].person == person.label for person in people)
    assert builds.ready(workplace.database, ready).people == ("Barack", "Eileen", "Grace")
    assert workplace.storage.bundle(ready, builds.ready(workplace.database, ready).bundle).is_file()


def test_unfinished_work_goes_on(workplace):
    tasks.release_others(workplace.database, "new")
    runner.run_all(workplace)
    ids = by_name(workplace)
    unfinished, growing = (builds.status(workplace.database, ids[name]) for name in ("unfinished", "growing"))
    assert (unfinished.state, unfinished.message) == (BuildState.READY, "ready: 2 people from 10 faces")
    assert (growing.version, growing.message) == (2, "ready: 3 people from 12 faces")
    assert comparing.compare(workplace.database, growing.id, 1, 2).people.added == ["Barack"]


def test_a_person_is_forgotten_and_everything_deleted(workplace):
    ids = by_name(workplace)
    receipt = forgetting.forget(workplace.database, workplace.storage, ids["ready"], "Grace")
    assert (receipt.versions, receipt.version) == ((1,), 2)
    for recognizer in ids.values():
        erasing.erase(workplace.database, workplace.storage, recognizer)
    with workplace.database.read() as connection:
        for name in ("builds", "files", "faces", "people", "tasks", "encoded_images", "encoded_faces"):
            assert connection.scalar(text(f"SELECT count(*) FROM {name}")) == 0, name


def test_many_open_it_at_once(old):
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(Workplace.of, [old] * 8))
    assert {len(builds.listing(each.database)) for each in opened} == {4}
    for each in opened:
        each.database.close()


def test_an_older_folder_is_refused_and_left_alone(old):
    alter(old, "ALTER TABLE builds DROP COLUMN topology")
    refused(old, "before 0.9.0")


def test_a_newer_folder_is_refused_and_left_alone(old):
    Workplace.of(old).database.close()
    alter(old, "UPDATE alembic_version SET version_num = '1.10.0'")
    refused(old, "run release 1.10.0")


def test_a_migration_that_breaks_off_changes_nothing(old):
    alter(old, "UPDATE files SET findings = '[{}]' WHERE findings IS NOT NULL")
    before = schema(old)
    with pytest.raises(KeyError):
        Workplace.of(old)
    assert schema(old) == before


def alter(settings: Settings, statement: str) -> None:
    database = Database(settings.database)
    with database.write() as connection:
        connection.execute(text(statement))
    database.close()


def schema(settings: Settings) -> list[tuple[str, ...]]:
    database = Database(settings.database)
    with database.read() as connection:
        found = [tuple(row) for row in connection.execute(text("SELECT type, name, sql FROM sqlite_master"))]
    database.close()
    return found


def refused(settings: Settings, sentence: str) -> None:
    before = schema(settings), sorted(path.name for path in settings.data_dir.iterdir())
    with pytest.raises(OtherRelease, match=sentence):
        Workplace.of(settings)
    assert (schema(settings), sorted(path.name for path in settings.data_dir.iterdir())) == before
