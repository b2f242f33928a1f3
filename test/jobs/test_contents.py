"""Lists of many files are read in portions, and say the same as when all were read at once."""

import pytest

from constants.reasons import Reason
from jobs.table import builds, contents
from jobs.table.admission import Admission
from jobs.table.build_options import BuildOptions
from jobs.table.builds import Upload
from jobs.table.contents import ANY, Wanted
from jobs.table.pages import ALL, Part
from jobs.table.tables import FileState, TaskKind, tasks
from jobs.workplace import Workplace

#: More than are read, or written, at once.
FILES = 2001


@pytest.fixture
def many(workplace: Workplace) -> str:
    """A build of many files, every third of which is refused: it repeats the first, or is no picture."""
    uploads = []
    for number in range(FILES):
        reason = {0: None, 1: Reason.DUPLICATE, 2: Reason.NOT_AN_IMAGE}[number % 9] if number % 9 < 3 else None
        content = 0 if reason == Reason.DUPLICATE else number
        uploads.append(Upload(f"{number % 7}/{number}.jpg", str(number % 7), f"{content:064x}", reason=reason))
    return builds.submit(workplace.database, workplace.storage, uploads, BuildOptions(), Admission(10))


@pytest.mark.parametrize(
    ("part", "wanted", "numbers"),
    [
        (ALL, ANY, range(FILES)),
        (Part(3, 499), ANY, range(499, 502)),
        (Part(1000, 1500), ANY, range(1500, FILES)),
        (Part(5, FILES), ANY, ()),
        (ALL, Wanted(label="2"), range(2, FILES, 7)),
        (Part(None, 100), Wanted(label="2"), range(702, FILES, 7)),
        (ALL, Wanted(reason=Reason.DUPLICATE), range(1, FILES, 9)),
        (ALL, Wanted(suspect=True), ()),
    ],
)
def test_a_part_of_the_files(workplace: Workplace, many: str, part: Part, wanted: Wanted, numbers: range) -> None:
    images, total = contents.listed_images(workplace.database, many, None, part, wanted)
    assert [image.number for image in images] == list(numbers)
    everything = contents.listed_images(workplace.database, many, None, ALL, wanted)
    assert total == everything[1] == len(list(everything[0]))


def test_each_file_that_repeats_another_names_the_first_and_has_no_task(workplace: Workplace, many: str) -> None:
    images = contents.images(workplace.database, many)
    repeated = [image for image in images if image.reason == Reason.DUPLICATE]
    assert {image.duplicate_of for image in repeated} == {"0/0.jpg"} and len(repeated) == len(range(1, FILES, 9))
    waiting = [image for image in images if image.state == FileState.WAITING]
    with workplace.database.read() as connection:
        rows = connection.execute(tasks.select().order_by(tasks.c.id)).all()
    assert len(rows) == len(waiting) and {row.kind for row in rows} == {TaskKind.ENCODE}
    assert all(row.state == "queued" and row.queued_at and not row.attempts for row in rows)
