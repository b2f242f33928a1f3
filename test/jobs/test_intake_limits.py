"""Small requests that would cost much: each is refused, with a sentence, by what it claims or once it unpacks."""

import gzip
import io
import struct
import tarfile
import zipfile
from contextlib import ExitStack

import pytest

from constants.exceptions import InvalidRequest, NothingUsable, RequestTooLarge
from constants.reasons import Reason
from jobs.intake.label_manifest import MAX_PEOPLE, read_manifest
from jobs.intake.labels import MAX_FOLDERS, MAX_NAME, clean_label, clean_name, filename_label
from test.conftest import jpeg
from test.jobs.test_intake import intake, zipped


@pytest.fixture
def stack():
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def picture(astronaut):
    return jpeg(astronaut[:200, :200])


def tar(*members: tuple[str, bytes, bytes], compressed=True) -> bytes:
    """A tar with members of a name, a type and a content, whose claimed size may be more than the content's."""
    buffer = io.BytesIO()
    for name, kind, content in members:
        info = tarfile.TarInfo(name)
        info.type, info.size = kind, len(content)
        buffer.write(info.tobuf(tarfile.GNU_FORMAT))
        buffer.write(content + b"\0" * (-len(content) % 512))
    buffer.write(b"\0" * 1024)
    return gzip.compress(buffer.getvalue(), 9) if compressed else buffer.getvalue()


@pytest.mark.parametrize("name", ["a/" * 20_000, "a" * (MAX_NAME + 1), "a/" * (MAX_FOLDERS + 1) + "b", "a\0b", "a\nb"])
def test_names_that_no_file_has_are_refused(workplace, stack, picture, name):
    with pytest.raises(InvalidRequest, match="name"):
        intake(workplace, stack, [(name, picture)])
    with pytest.raises(InvalidRequest, match="name"):
        intake(workplace, stack, [("a.zip", zipped([(name.replace("\0", "\n"), picture)]))])
    assert clean_name("a/" * MAX_FOLDERS + "b") == "a/" * MAX_FOLDERS + "b"


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_headers_of_a_tar_are_short(workplace, stack, kind):
    archive = tar(("x", kind, b"a" * (1 << 20)), ("1.jpg", tarfile.REGTYPE, b""))
    with pytest.raises(RequestTooLarge, match="header"):
        intake(workplace, stack, [("a.tar.gz", archive)])


@pytest.mark.parametrize("name", [".x", "__MACOSX/x", "Ada/1.jpg"])
def test_what_a_tar_unpacks_to_counts_although_it_is_passed_over(workplace, stack, name):
    archive = tar((name, tarfile.REGTYPE, bytes(3 << 20)))
    few = workplace.settings.model_copy(update={"max_unpacked_mb": 2})
    with pytest.raises(RequestTooLarge, match="unpack"):
        intake(workplace, stack, [("a.tar.gz", archive)], settings=few)


def test_an_archive_that_unpacks_to_hundreds_of_times_its_size_holds_no_pictures(workplace, stack):
    zeros = io.BytesIO()
    with zipfile.ZipFile(zeros, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.bmp", bytes(80 << 20))
    for sent in (zeros.getvalue(), tar((".x", tarfile.REGTYPE, bytes(80 << 20)))):
        with pytest.raises(RequestTooLarge, match="far more"):
            intake(workplace, stack, [("a", sent)])


def test_every_entry_of_an_archive_counts(workplace, stack):
    few = workplace.settings.model_copy(update={"max_files": 3})
    folders = io.BytesIO()
    with zipfile.ZipFile(folders, "w") as archive:
        for number in range(7):
            archive.mkdir(f"folder-{number}")
    links = tar(*[(f"link-{number}", tarfile.SYMTYPE, b"") for number in range(7)])
    for sent in (folders.getvalue(), links):
        with pytest.raises(RequestTooLarge, match="entries"):
            intake(workplace, stack, [("a", sent)], settings=few)


def test_a_directory_is_judged_before_it_is_read(workplace, stack):
    few = workplace.settings.model_copy(update={"max_files": 3})
    for entries, length in ((60_000, 46), (1, 1 << 30)):
        end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, entries, entries, length, 0, 0)
        with pytest.raises(RequestTooLarge, match="entries"):
            intake(workplace, stack, [("a.zip", b"PK\x03\x04" + bytes(100) + end)], settings=few)


def test_an_archive_in_an_archive_is_not_unpacked(workplace, stack, picture):
    files = [("Ada/1.jpg", picture), ("inner.zip", zipped([("2.jpg", picture)])), ("Ben/2.jpg", picture + b"\0")]
    reasons = {upload.name: upload.reason for upload in intake(workplace, stack, [("a.zip", zipped(files))])}
    assert reasons == {"Ada/1.jpg": None, "inner.zip": Reason.OTHER_ARCHIVE, "Ben/2.jpg": None}


def test_people_of_one_picture_are_as_many_as_are_judged_and_each_counts_as_a_file(workplace, stack, picture):
    rows = [f"1.jpg,Person {number},{number} 0 {number + 9} 9" for number in range(MAX_PEOPLE + 1)]
    with pytest.raises(InvalidRequest, match=f"more than {MAX_PEOPLE}"):
        read_manifest("\n".join(["file,person,box", *rows]).encode())
    manifest = read_manifest("\n".join(["file,person,box", *rows[:5]]).encode())
    few = workplace.settings.model_copy(update={"max_files": 4})
    with pytest.raises(RequestTooLarge):
        intake(workplace, stack, [("1.jpg", picture)], settings=few, manifest=manifest)


@pytest.mark.parametrize("label", ["a" + "\u0301" * 30_000, "\ud800", "a\0", "x" * 201])
def test_labels_that_are_none_are_refused_before_anything_is_done_with_them(label):
    with pytest.raises(InvalidRequest, match="label"):
        clean_label(label)


@pytest.mark.parametrize(
    ("name", "label"),
    [("Ada_1.jpg", "Ada"), ("Ada (2).jpg", "Ada"), ("Ada #12.jpg", "Ada"), ("Ada.jpg", "Ada"), ("12.jpg", None)],
)
def test_the_number_of_a_file_is_no_part_of_its_label(name, label):
    assert filename_label(name) == label


def test_deep_json_is_no_manifest():
    with pytest.raises(InvalidRequest):
        read_manifest(b"[" * 200_000)


def test_a_picture_that_takes_all_memory_is_a_damaged_one(workplace, stack, picture):
    """A chain of JPEG headers without an end: whoever reads all of it holds all of it."""
    segment = b"\xff\xe1\xff\xff" + bytes(0xFFFD)
    endless = b"\xff\xd8" + segment * 14_000
    uploads = intake(workplace, stack, [("Ada/1.jpg", picture), ("Ben/1.jpg", endless), ("Ben/2.jpg", picture + b"\0")])
    assert [upload.reason for upload in uploads] == [None, Reason.DAMAGED_IMAGE, None]


def test_an_archive_that_is_cut_in_its_first_file_has_nothing_to_take(workplace, stack, picture):
    whole = tar(("Ada/1.jpg", tarfile.REGTYPE, picture), ("Ben/1.jpg", tarfile.REGTYPE, picture))
    with pytest.raises(NothingUsable):
        intake(workplace, stack, [("a.tar.gz", whole[: len(whole) // 3])])
