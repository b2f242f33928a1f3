"""From files sent to uploads taken."""

import io
import os
import tarfile
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image

from constants.exceptions import InvalidRequest, NothingUsable, RequestTooLarge, UnsupportedMedia
from constants.reasons import Reason
from jobs.intake.archives import refusing_damage
from jobs.intake.intake import Intake, Labelling, label_in_order
from jobs.intake.label_manifest import read_manifest
from test.conftest import jpeg


@pytest.fixture
def stack():
    """What keeps intakes open until the test ends."""
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def pictures(astronaut):
    """Pictures that all differ."""
    return [jpeg(astronaut[i : i + 200, i : i + 200]) for i in range(8)]


def intake(workplace, stack, files, labels=(), settings=None, **options):
    opened = stack.enter_context(Intake(settings or workplace.settings, workplace.storage.incoming))
    sent = []
    for name, content in files:
        file = opened.receive(name)
        file.write(content)
        file.seal()
        sent.append(file)
    label_in_order(sent, labels)
    return opened.take(sent, Labelling(**options))


def zipped(files, **options) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(files) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("Alice/link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return buffer.getvalue()


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_is_its_pictures(workplace, stack, pictures, pack):
    people = [("people/Alice/1.jpg", pictures[0]), ("people/Bob/1.jpg", pictures[1])]
    clutter = [("__MACOSX/people/Alice/._1.jpg", b"\0"), ("people/.DS_Store", b"\0")]
    uploads = intake(workplace, stack, [("all", pack(people + clutter))])
    assert [(upload.name, upload.label) for upload in uploads] == [
        ("people/Alice/1.jpg", "Alice"),
        ("people/Bob/1.jpg", "Bob"),
    ]
    assert [upload.path.read_bytes() for upload in uploads] == pictures[:2]


def test_labels_beside_the_files_come_before_folders(workplace, stack, pictures):
    files = [("Alice/1.jpg", pictures[0]), ("2.jpg", pictures[1]), ("z.zip", zipped([("x/3.jpg", pictures[2])]))]
    uploads = intake(workplace, stack, files, labels=["Carol", "Bob", "Dora"])
    assert [upload.label for upload in uploads] == ["Carol", "Bob", "Dora"]


def test_the_number_of_labels_must_be_that_of_the_files(workplace, stack, pictures):
    with pytest.raises(InvalidRequest, match="2 labels for 1 files"):
        intake(workplace, stack, [("1.jpg", pictures[0])], labels=["Alice", "Bob"])


def test_labels_from_file_names_only_when_asked(workplace, stack, pictures):
    files = [("Alice_1.jpg", pictures[0]), ("Bob_1.jpg", pictures[1])]
    assert [u.label for u in intake(workplace, stack, files)] == [None, None]
    assert [u.label for u in intake(workplace, stack, files, from_filename=True)] == ["Alice", "Bob"]


def test_each_unusable_file_has_its_reason_and_the_rest_goes_on(workplace, stack, pictures, astronaut):
    files = [
        ("Alice/1.jpg", pictures[0]),
        ("Bob/1.jpg", pictures[1]),
        ("Alice/empty.jpg", b""),
        ("Alice/text.jpg", b"dear diary " * 20),
        ("Alice/tiny.jpg", jpeg(astronaut[:20, :20])),
        ("Alice/again.jpg", pictures[0]),
        ("again.jpg", pictures[0]),
        ("nobody.jpg", pictures[3]),
        ("nobody-again.jpg", pictures[3]),
    ]
    uploads = intake(workplace, stack, files)
    assert [upload.reason for upload in uploads] == [
        None,
        None,
        Reason.EMPTY_FILE,
        Reason.NOT_AN_IMAGE,
        Reason.TOO_SMALL,
        Reason.DUPLICATE,
        Reason.DUPLICATE,
        None,
        Reason.DUPLICATE,
    ]


def test_a_picture_may_be_of_several_people(workplace, stack, pictures):
    files = [("Alice/both.jpg", pictures[0]), ("Bob/both.jpg", pictures[0]), ("both.jpg", pictures[0])]
    uploads = intake(workplace, stack, files)
    assert [(u.label, u.reason) for u in uploads] == [("Alice", None), ("Bob", None), (None, Reason.DUPLICATE)]


def test_a_manifest_names_files_inside_archives_and_beside_them(workplace, stack, pictures):
    files = [("a.zip", zipped([("trip/1.jpg", pictures[0]), ("trip/2.jpg", pictures[1])])), ("3.jpg", pictures[2])]
    manifest = read_manifest(b"file,person,box\n1.jpg,Alice,0 0 50 50\n1.jpg,Bob,60 0 99 50\n3.jpg,alice,\n")
    uploads = intake(workplace, stack, files, manifest=manifest)
    assert [(u.name, u.label) for u in uploads] == [
        ("trip/1.jpg", "Alice"),
        ("trip/1.jpg", "Bob"),
        ("trip/2.jpg", "trip"),
        ("3.jpg", "Alice"),
    ]
    paths = [u.path for u in uploads]
    assert len(set(paths)) == 4
    assert [path.read_bytes() for path in paths] == [pictures[0], pictures[0], pictures[1], pictures[2]]
    stack.close()
    assert not any(workplace.storage.incoming.iterdir())


def test_a_manifest_comes_before_folders_and_may_not_contradict_labels(workplace, stack, pictures):
    files = [("Alice/1.jpg", pictures[0]), ("2.jpg", pictures[1])]
    manifest = read_manifest(b"file,person\n1.jpg,Carol\n")
    assert [u.label for u in intake(workplace, stack, files, ["", "Bob"], manifest=manifest)] == ["Carol", "Bob"]
    with pytest.raises(InvalidRequest, match=r"'Alice/1.jpg' for 'Carol', and its label is 'Dora'"):
        intake(workplace, stack, files, ["Dora", "Bob"], manifest=manifest)
    intake(workplace, stack, files, [" CAROL ", "Bob"], manifest=manifest)


@pytest.mark.parametrize("flagged", [True, False])
def test_names_of_any_script_come_out_of_a_zip(workplace, stack, pictures, flagged):
    archive = bytearray(zipped([("Żółć/1.jpg", pictures[0]), ("张伟/1.jpg", pictures[1])]))
    if not flagged:  # as archivers write them that do not say that a name is UTF-8
        for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            start = -1
            while (start := archive.find(mark, start + 1)) >= 0:
                archive[start + offset + 1] &= 0xF7
    assert [u.label for u in intake(workplace, stack, [("z.zip", bytes(archive))])] == ["Żółć", "张伟"]


def test_a_name_in_an_unknown_encoding_can_be_kept(workplace, stack, pictures):
    archive = tarred([(b"Ren\xe9/1.jpg".decode("utf-8", "surrogateescape"), pictures[0]), ("Bob/1.jpg", pictures[1])])
    uploads = intake(workplace, stack, [("a.tar.gz", archive)])
    assert [u.label for u in uploads] == ["Ren?", "Bob"]


def test_more_pixels_than_are_taken(workplace, stack, pictures):
    # A PNG of one colour is small, whatever its sides.
    buffer = io.BytesIO()
    Image.new("1", (20_000, 6_000)).save(buffer, "PNG")
    files = [("A/1.png", buffer.getvalue()), ("B/1.jpg", pictures[0]), ("C/1.jpg", pictures[1])]
    uploads = intake(workplace, stack, files)
    assert uploads[0].reason == Reason.TOO_MANY_PIXELS


@pytest.mark.parametrize("names", [["Alice/1.jpg", "Alice/2.jpg"], ["Alice/1.jpg"], ["1.jpg", "2.jpg"]])
def test_one_person_only_is_taken(workplace, stack, pictures, names):
    uploads = intake(workplace, stack, list(zip(names, pictures, strict=False)))
    assert [upload.reason for upload in uploads] == [None] * len(names)


def test_one_picture_of_nobody_in_particular_is_refused_with_what_to_do(workplace, stack, pictures):
    with pytest.raises(NothingUsable, match="no label"):
        intake(workplace, stack, [("1.jpg", pictures[0])])


def test_nothing_usable_lists_every_file(workplace, stack):
    with pytest.raises(NothingUsable) as refused:
        intake(workplace, stack, [("a.jpg", b""), ("b.jpg", b"text")])
    assert [(one["file"], one["reason"]) for one in refused.value.rejected] == [
        ("a.jpg", "EMPTY_FILE"),
        ("b.jpg", "NOT_AN_IMAGE"),
    ]


def test_an_archive_that_unpacks_to_too_much_is_refused(workplace, stack):
    small = workplace.settings.model_copy(update={"max_unpacked_mb": 1})
    bomb = zipped([("A/1.jpg", b"\0" * (2 << 20))], compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 10_000
    with pytest.raises(RequestTooLarge, match="unpack"):
        intake(workplace, stack, [("bomb.zip", bomb)], settings=small)


def test_too_many_files_are_refused(workplace, stack, pictures):
    few = workplace.settings.model_copy(update={"max_files": 3})
    with pytest.raises(RequestTooLarge, match="more than 3 files"):
        intake(workplace, stack, [("z.zip", zipped([(f"{i}.jpg", b"x") for i in range(4)]))], settings=few)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a file that cannot be read: of Linux")
def test_a_disk_that_fails_damages_no_archive():
    with pytest.raises(OSError, match="Input/output error"), refusing_damage():
        Path("/proc/self/mem").read_bytes()


@pytest.mark.parametrize("kept", [0.001, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_of_which_nothing_is_whole_is_refused_and_leaves_nothing(workplace, pictures, pack, kept):
    whole = pack([("Alice/1.jpg", pictures[0]), ("Bob/1.jpg", pictures[1])])
    with ExitStack() as stack, pytest.raises((UnsupportedMedia, NothingUsable)):
        intake(workplace, stack, [("z", whole[: int(len(whole) * kept)])])
    assert not any(workplace.storage.incoming.iterdir())


def test_a_byte_changed_inside_a_zip_costs_its_entry_alone(workplace, stack, pictures):
    names = ["Alice/1.jpg", "Bob/1.jpg", "Cleo/1.jpg"]
    whole = bytearray(zipped(list(zip(names, pictures[:3], strict=True))))
    whole[500] ^= 0xFF
    uploads = intake(workplace, stack, [("z.zip", bytes(whole))])
    assert [upload.name for upload in uploads] == names
    assert [upload.reason for upload in uploads] == [Reason.DAMAGED_IMAGE, None, None]


def test_a_tar_that_breaks_off_gives_what_came_before(workplace, stack, pictures):
    members = [(f"{name}/{number}.jpg", pictures[number]) for number, name in enumerate(("Alice", "Bob", "Cleo"))]
    whole = tarred([*members, ("noise.jpg", os.urandom(200_000))])
    uploads = intake(workplace, stack, [("all.tar.gz", whole[:-100_000])])
    assert [upload.name for upload in uploads[:3]] == [name for name, _ in members]
    assert [upload.reason for upload in uploads[:3]] == [None, None, None]
    assert (uploads[-1].name, uploads[-1].reason) == ("all.tar.gz", Reason.DAMAGED_ARCHIVE)


@pytest.mark.parametrize(
    "start", [b"Rar!\x1a\x07\x01\x00", b"7z\xbc\xaf\x27\x1c\x00\x04", b"\xfd7zXZ\x00\x00\x04", b"BZh91AY&"]
)
def test_an_archive_of_another_kind_says_so(workplace, stack, pictures, start):
    sent = [("Alice/1.jpg", pictures[0]), ("Bob/1.jpg", pictures[1]), ("more", start + b"\0" * 200)]
    assert intake(workplace, stack, sent)[2].reason == Reason.OTHER_ARCHIVE


def test_an_archive_in_an_archive_says_so(workplace, stack, pictures):
    within = zipped([("1.jpg", pictures[2])])
    sent = [("Alice/1.jpg", pictures[0]), ("Bob/1.jpg", pictures[1]), ("more.zip", within)]
    assert intake(workplace, stack, [("z.zip", zipped(sent))])[2].reason == Reason.OTHER_ARCHIVE


def test_a_hidden_picture_is_a_picture(workplace, stack, pictures):
    sent = [("Alice/.1.jpg", pictures[0]), ("Bob/1.jpg", pictures[1]), (".cache/2.jpg", pictures[2])]
    uploads = intake(workplace, stack, [("z.zip", zipped(sent))])
    assert [upload.name for upload in uploads] == ["Alice/.1.jpg", "Bob/1.jpg"]


def test_an_empty_archive_is_told_as_such(workplace, stack):
    with pytest.raises(NothingUsable, match="There is no file in what was sent"):
        intake(workplace, stack, [("z.zip", zipped([]))])


def test_a_way_of_compressing_that_is_not_read_is_not_called_a_password(workplace, stack, pictures):
    """Deflate64, the number 9, which Windows makes of large files."""
    whole = bytearray(zipped([("Alice/1.jpg", pictures[0]), ("Bob/1.jpg", pictures[1])]))
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = -1
        while (place := whole.find(mark, place + 1)) >= 0:
            whole[place + offset] = 9
    with pytest.raises(UnsupportedMedia, match="Deflate64"):
        intake(workplace, stack, [("z.zip", bytes(whole))])
