"""What the tables have of a person who is forgotten, and of everybody else: next to no training."""

from collections import Counter
from dataclasses import asdict

import pytest
from sqlalchemy import select, update

from bench import drawn_builds
from features import store
from features.store import Shelf
from jobs.table import found_faces
from jobs.table.builds import Upload, build_of, insert_files
from jobs.table.records import Build, File, StandIn, files_of
from jobs.table.tables import FileState, builds, files
from jobs.versions.forgetting import forget
from jobs.versions.next_version import next_version
from jobs.work.examining import examined, pictures_of, record
from modelization.decision.decision_rule import NETWORK, THRESHOLD
from preprocessor.version import pipeline_version

PEOPLE, GONE = 6, 3


def shelf(workplace) -> Shelf:
    return Shelf("default", pipeline_version(workplace.settings))


def newest(workplace) -> tuple[Build, list[File]]:
    with workplace.database.read() as connection:
        number = connection.scalar(select(builds.c.number).order_by(builds.c.number.desc()).limit(1))
        version = connection.scalar(select(builds.c.version).where(builds.c.number == number))
        return build_of(connection, drawn_builds.RECOGNIZER, version), files_of(connection, number)


def serve(workplace) -> None:
    """Find out who the newest version's faces are, and let it recognize without a training."""
    build, sent = newest(workplace)
    with workplace.database.write() as connection:
        record(connection, build.number, examined(sent, pictures_of(connection, shelf(workplace), sent), build.options))
        values = {
            "stand_in": asdict(StandIn(NETWORK, THRESHOLD)),
            "pipeline_version": shelf(workplace).pipeline_version,
        }
        connection.execute(update(builds).where(builds.c.number == build.number).values(values))


def people_in(sent: list[File]) -> Counter[str | None]:
    return Counter(face.person for file in sent for face in file.faces)


@pytest.fixture
def drawn(workplace):
    """A version of six drawn people, with three pictures each."""
    drawn_builds.begin_build(workplace, PEOPLE)
    serve(workplace)
    return workplace


def test_the_next_version_has_what_the_one_before_had(drawn):
    base, before = newest(drawn)
    with drawn.database.write() as connection:
        next_version(connection, base, before[3:5])
    _, after = newest(drawn)
    same = ("position", "name", "label", "box", "video", "content_hash", "state", "reason", "since")
    assert [[getattr(file, name) for name in same] for file in after] == [
        [getattr(file, name) for name in same] for file in (*before[:3], *before[5:])
    ]
    for copy, file in zip(after, (*before[:3], *before[5:]), strict=True):
        kept = [(face.index, face.box, face.quality, face.person, face.choice) for face in file.faces]
        assert [(face.index, face.box, face.quality, face.person, face.choice) for face in copy.faces] == kept
        assert [(face.wrong, face.suspect, face.near_duplicates) for face in copy.faces] == [(None, False, ())]


def test_who_is_forgotten_goes_and_the_others_stay(drawn):
    gone = drawn_builds.label_of(GONE)
    _, before = newest(drawn)
    own = [file.content_hash for file in before if file.label == gone]
    receipt = forget(drawn.database, drawn.storage, drawn_builds.RECOGNIZER, gone)
    assert (receipt.versions, receipt.version, receipt.faces, receipt.kept) == ((1,), 2, 3, ())
    assert receipt.files == tuple(f"{gone}/{number}.jpg" for number in range(3))
    build, after = newest(drawn)
    assert build.version == 2 and build.recognizes
    expected = people_in(before)
    del expected[gone]
    assert people_in(after) == expected
    with drawn.database.read() as connection:
        assert store.present(connection, shelf(drawn), [file.content_hash for file in before]) == {
            file.content_hash for file in after
        }
        assert not connection.execute(select(files.c.id).where(files.c.content_hash.in_(own))).all()


def test_nobodys_face_goes_where_it_may_be_the_persons(drawn):
    """A picture of the person that was sent for nobody, and one of somebody else."""
    faces_of = drawn_builds.population(drawn)
    build, before = newest(drawn)
    extra = {}
    for person in (GONE, GONE + 1):
        (_, image), *_ = drawn_builds.pictures(faces_of, [person])
        extra[f"{person:064}"] = image
    with drawn.database.write() as connection:
        uploads = [Upload(f"{name}.jpg", None, name) for name in extra]
        insert_files(connection, build.number, uploads, 1, len(before))
        store.put(connection, shelf(drawn), extra)
        waiting = [file for file in files_of(connection, build.number) if file.content_hash in extra]
        for file in waiting:
            found_faces.insert_faces(connection, build.number, file.id, extra[file.content_hash].faces)
        connection.execute(update(files).where(files.c.build == build.number).values(state=FileState.ENCODED))
    receipt = forget(drawn.database, drawn.storage, drawn_builds.RECOGNIZER, drawn_builds.label_of(GONE))
    assert receipt.faces == 4 and f"{GONE:064}.jpg" in receipt.files
    _, after = newest(drawn)
    assert [file.content_hash for file in after if file.label is None] == [f"{GONE + 1:064}"]
