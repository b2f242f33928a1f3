import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import modelization.bundle.bundle_file
from constants.exceptions import BundleInvalid
from modelization.bundle.bundle_file import MANIFEST, REPORT_PAGES, REQUIRED, open_bundle, write_bundle
from test.modelization.conftest import Built

MEMBERS = sorted({*REQUIRED, MANIFEST})


def rezipped(source: Path, target: Path, changed: dict[str, bytes | None]) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        members = {name: old.read(name) for name in old.namelist()} | changed
        for name, content in members.items():
            if content is not None:
                new.writestr(name, content)
    return target


def test_what_is_written_is_read(built: Built) -> None:
    bundle = open_bundle(built.path)
    assert bundle.manifest == built.manifest
    assert set(bundle.files) == REQUIRED.union(REPORT_PAGES.values())
    assert [path.name for path in built.path.parent.iterdir()] == [built.path.name]


@pytest.mark.parametrize("member", MEMBERS)
def test_a_changed_byte_is_found(built: Built, tmp_path: Path, member: str) -> None:
    with zipfile.ZipFile(built.path) as archive:
        content = bytearray(archive.read(member))
    content[len(content) // 2] ^= 1
    if member == MANIFEST:  # its own content is guarded by the archive's checksum
        data = bytearray(built.path.read_bytes())
        with zipfile.ZipFile(built.path) as archive:
            info = archive.getinfo(MANIFEST)
        data[info.header_offset + 30 + len(MANIFEST) + info.compress_size // 2] ^= 1
        path = tmp_path / "changed.zip"
        path.write_bytes(data)
    else:
        path = rezipped(built.path, tmp_path / "changed.zip", {member: bytes(content)})
    with pytest.raises(BundleInvalid):
        open_bundle(path)


@pytest.mark.parametrize("member", MEMBERS)
def test_a_missing_member_is_found(built: Built, tmp_path: Path, member: str) -> None:
    with pytest.raises(BundleInvalid, match="missing"):
        open_bundle(rezipped(built.path, tmp_path / "less.zip", {member: None}))


def test_an_unlisted_member_is_refused(built: Built, tmp_path: Path) -> None:
    with pytest.raises(BundleInvalid, match="does not list"):
        open_bundle(rezipped(built.path, tmp_path / "more.zip", {"more.pkl": b"cos\nsystem\n"}))


def test_another_format_is_named(built: Built, tmp_path: Path) -> None:
    with zipfile.ZipFile(built.path) as archive:
        text = archive.read(MANIFEST).replace(b'"format": 2', b'"format": 4')
    with pytest.raises(BundleInvalid, match="newer than version 3"):
        open_bundle(rezipped(built.path, tmp_path / "next.zip", {MANIFEST: text}))


def test_absurd_sizes_are_refused_unread(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modelization.bundle.bundle_file, "MAX_MEMBER_BYTES", 1000)
    with pytest.raises(BundleInvalid, match="unpack"):
        open_bundle(built.path)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04" + bytes(100), b"PK\x05\x06" + bytes(18)])
def test_what_is_no_bundle_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign.zip"
    path.write_bytes(content)
    with pytest.raises(BundleInvalid):
        open_bundle(path)


@pytest.mark.parametrize("comment", [b"", b"a comment"])
def test_a_large_directory_is_refused_unread(built: Built, tmp_path: Path, comment: bytes) -> None:
    path = tmp_path / "large.zip"
    size = 100 * 2**10
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 30, 30, size, 0, len(comment))
    path.write_bytes(bytes(size) + end + comment)  # whoever reads it finds it damaged
    with pytest.raises(BundleInvalid, match="more parts"):
        open_bundle(path)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)
    path.write_bytes(bytes(100) + locator + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 30, 30, 100, 0, 0))
    with pytest.raises(BundleInvalid, match="more parts"):
        open_bundle(path)


def test_a_bundle_with_a_comment_is_one(built: Built, tmp_path: Path) -> None:
    path = tmp_path / "commented.zip"
    path.write_bytes(built.path.read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"mine"
    assert open_bundle(path) == open_bundle(built.path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleInvalid):
        open_bundle(tmp_path / "nothing.zip")


def test_a_zip_of_nonsense_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nonsense.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in MEMBERS:
            archive.writestr(name, b"{}")
    with pytest.raises(BundleInvalid):
        open_bundle(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damage_anywhere_is_refused_or_harmless(built: Built, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(built.path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "damaged.zip"
    path.write_bytes(content)
    try:
        bundle = open_bundle(path)
    except BundleInvalid:
        return
    # A byte that means nothing, such as a date in the archive's directory.
    assert bundle == open_bundle(built.path)


def test_a_failed_write_leaves_what_was_there(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "recognizer.zip"
    path.write_bytes(b"before")

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_bundle(path, built.manifest, {"labels.json": b"[]"})
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
