"""Thumbnails of faces: kept only where and as long as they may be, and gone with what they are of."""

import io
import time

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import update

from jobs.table import contents
from jobs.table.admission import Admission
from jobs.table.build_options import BuildOptions
from jobs.table.builds import Upload, submit
from jobs.table.tables import BuildState, TaskKind, builds
from jobs.table.tasks import claim
from jobs.versions import erasing
from jobs.work import encoding
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
    path = contents.thumbnail(workplace.database, workplace.storage, recognizer, None, (1, 0))
    with Image.open(path) as image:
        assert (image.format, image.size) == ("JPEG", (SIDE, SIDE)) and not image.getexif()
    assert str(path.relative_to(workplace.storage.data_dir)) in workplace.storage.pictures_of(recognizer, 1)
    erasing.erase(workplace.database, workplace.storage, recognizer)
    assert not path.exists() and not workplace.storage.has_any(recognizer)


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
