"""Thumbnails of faces: kept only where and as long as they may be, and gone with what they are of."""

import io
import time
from collections.abc import Iterator

import numpy as np
import pytest
from loguru import logger
from PIL import Image
from sqlalchemy import select, update

from constants.exceptions import NotFound
from features.store import FaceFeatures
from jobs.table import contents
from jobs.table.admission import Admission
from jobs.table.build_options import BuildOptions
from jobs.table.builds import Upload, build_of, submit
from jobs.table.records import files_of
from jobs.table.tables import BuildState, TaskKind, builds
from jobs.table.tasks import claim
from jobs.versions import erasing
from jobs.work import encoding
from jobs.work.thumbnails import write_thumbnails
from jobs.work.tidying import tidy
from preprocessor.thumbnails import SIDE, thumbnails
from test.portraits import PEOPLE, PORTRAITS

#: Faces that are found in the three portraits: one of them sees a face in a space shuttle, too.
FACES = 4


def make(workplace, **options: object) -> str:
    """A build whose pictures, the portraits, are encoded."""
    uploads = []
    for person, portrait in PEOPLE.items():
        path = workplace.storage.incoming / portrait.file
        path.write_bytes((PORTRAITS / portrait.file).read_bytes())
        uploads.append(Upload(portrait.file, person, f"{len(uploads):064x}", path))
    recognizer = submit(workplace.database, workplace.storage, uploads, BuildOptions(**options), Admission(9))
    encoding.encode_claim(workplace, claim(workplace.database, TaskKind.ENCODE, "encode-0:a"))
    return recognizer


def end(workplace, finished_at: float) -> None:
    with workplace.database.write() as connection:
        connection.execute(update(builds).values(state=BuildState.READY, finished_at=finished_at))
    tidy(workplace.database, workplace.storage)


def seen(workplace, recognizer: str, number: int) -> bytes:
    return contents.thumbnail(workplace.database, workplace.storage, recognizer, None, (number, 0))


@pytest.fixture
def caplog_lines() -> Iterator[list[str]]:
    """What is said in the log from now on."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(message.record["message"]), level="WARNING")
    yield lines
    logger.remove(sink)


def kept(workplace, recognizer: str) -> set[tuple[int, int]]:
    return contents.thumbnails(workplace.database, workplace.storage, recognizer)


@pytest.mark.parametrize(
    ("option", "after_a_while", "after_hours"), [("off", 0, 0), ("hour", FACES, 0), ("recognizer", FACES, FACES)]
)
def test_they_are_kept_as_long_as_they_may_be(workplace, option, after_a_while, after_hours) -> None:
    recognizer = make(workplace, keep_thumbnails=option)
    end(workplace, time.time())
    assert len(kept(workplace, recognizer)) == after_a_while
    assert not workplace.storage.image(recognizer, 1, 0).exists()  # the picture itself goes
    end(workplace, time.time() - 3601)
    assert len(kept(workplace, recognizer)) == after_hours


def test_they_show_the_face_and_go_with_the_recognizer(workplace) -> None:
    recognizer = make(workplace, keep_thumbnails="recognizer")
    end(workplace, time.time())
    path = workplace.storage.thumbnail(recognizer, 1, 1, 0)
    with Image.open(io.BytesIO(seen(workplace, recognizer, 1))) as image:
        assert (image.format, image.size) == ("JPEG", (SIDE, SIDE)) and not image.getexif()
    assert str(path.relative_to(workplace.storage.data_dir)) in workplace.storage.pictures_of(recognizer, 1)
    erasing.erase(workplace.database, workplace.storage, recognizer)
    assert not path.exists() and not workplace.storage.has_any(recognizer)


def test_without_the_table_they_are_nothing_but_noise(workplace) -> None:
    recognizer = make(workplace, keep_thumbnails="recognizer")
    content = seen(workplace, recognizer, 1)
    files = list(workplace.storage.images.rglob("*.thumb"))
    assert len(files) == FACES
    for file in files:
        sealed = file.read_bytes()
        assert b"JFIF" not in sealed and content[100:132] not in sealed
        with pytest.raises(OSError, match="cannot identify"):
            Image.open(io.BytesIO(sealed))


@pytest.mark.parametrize("damage", ["exchanged", "changed", "cut off", "emptied", "as it was before"])
def test_what_was_not_written_there_is_not_shown(workplace, caplog_lines, damage) -> None:
    recognizer = make(workplace, keep_thumbnails="recognizer")
    content = seen(workplace, recognizer, 1)
    path, another = (workplace.storage.thumbnail(recognizer, 1, number, 0) for number in (1, 2))
    sealed = path.read_bytes()
    path.write_bytes(
        {
            "exchanged": another.read_bytes(),
            "changed": sealed[:-1] + bytes([sealed[-1] ^ 1]),
            "cut off": sealed[:9],
            "emptied": b"",
            "as it was before": content,
        }[damage]
    )
    with pytest.raises(NotFound, match="No thumbnail"):
        seen(workplace, recognizer, 1)
    assert caplog_lines == ["a thumbnail is not what was written there, and is not shown"]
    path.write_bytes(sealed)
    assert seen(workplace, recognizer, 1) == content


def test_when_their_hour_is_over_no_copy_can_be_read(workplace) -> None:
    recognizer = make(workplace, keep_thumbnails="hour")
    path = workplace.storage.thumbnail(recognizer, 1, 1, 0)
    copied = path.read_bytes()
    end(workplace, time.time() - 3601)
    assert not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(copied)
    with pytest.raises(NotFound, match="No thumbnail"):
        seen(workplace, recognizer, 1)
    with workplace.database.read() as connection:
        assert connection.scalar(select(builds.c.thumbnail_key)) is None


def test_each_build_has_a_key_of_its_own_and_only_if_it_needs_one(workplace) -> None:
    for option in ("recognizer", "hour", "off"):
        make(workplace, keep_thumbnails=option)
    make(workplace, keep_thumbnails="recognizer", dry_run=True)
    with workplace.database.read() as connection:
        keys = connection.scalars(select(builds.c.thumbnail_key).order_by(builds.c.number)).all()
    assert [key and len(key) for key in keys] == [32, 32, None, None] and keys[0] != keys[1]


def test_pictures_that_are_encoded_again_have_the_same_thumbnails(workplace) -> None:
    recognizer = make(workplace, keep_thumbnails="recognizer")
    path, content = workplace.storage.thumbnail(recognizer, 1, 1, 0), seen(workplace, recognizer, 1)
    before = path.read_bytes()
    with workplace.database.read() as connection:
        build = build_of(connection, recognizer)
    picture = workplace.storage.image(recognizer, 1, 1)
    picture.write_bytes((PORTRAITS / list(PEOPLE.values())[1].file).read_bytes())
    with workplace.database.read() as connection:
        (file,) = [file for file in files_of(connection, build.number) if file.position == 1]
    faces = [FaceFeatures(face.box, 1.0, np.zeros((5, 2)), np.zeros(128), index=face.index) for face in file.faces]
    written = write_thumbnails(workplace.storage, build.thumbnail_key, picture, faces)
    assert path in written and path.read_bytes() != before, "no two seals are alike"
    assert seen(workplace, recognizer, 1) == content


def test_one_is_the_square_around_a_face(tmp_path) -> None:
    pixels = np.zeros((400, 600, 3), np.uint8)
    pixels[200:300, 400:500] = 255
    (tmp_path / "picture").write_bytes(png(pixels))
    inside, at_the_edge = (
        np.asarray(Image.open(io.BytesIO(content)))
        for content in thumbnails(tmp_path / "picture", [(400, 200, 500, 300), (-20, -20, 80, 80)])
    )
    assert inside[SIDE // 2, SIDE // 2].min() > 240 and inside[4, 4].max() < 15
    assert np.mean(inside > 128) == pytest.approx(1 / 1.5**2, abs=0.03)
    assert at_the_edge.shape == (SIDE, SIDE, 3) and at_the_edge.max() < 15


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
