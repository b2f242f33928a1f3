"""A recognizer in one file: written whole or not at all, believed only when every byte is as written."""

import hashlib
import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from constants.exceptions import BundleInvalid
from constants.languages import LANGUAGES
from modelization.bundle.bundle_parts import open_whole
from modelization.bundle.manifest import BUNDLE_FORMAT, MAX_MEMBER_BYTES, FileEntry, Manifest

#: Bytes; the manifest of ten thousand people is about one MiB.
MAX_MANIFEST_BYTES = 16 * 2**20
#: The file in a bundle that takes a photo and gives names.
PHOTO_ONNX = "recognizer.onnx"

#: Files in a bundle; there are five, and room for more forms of the same recognizer.
_MAX_MEMBERS = 32

HEAD_KERAS = "head.keras"
HEAD_ONNX = "head.onnx"
HEAD_TFLITE = "head.tflite"
LABELS = "labels.json"
MANIFEST = "manifest.json"
MODEL_CARD = "model_card.md"
REPORT_HTML = "report.html"
REPORT_JSON = "report.json"
#: The report by the language that it is in; older bundles have the first alone.
REPORT_PAGES = {code: REPORT_HTML if code == next(iter(LANGUAGES)) else f"report.{code}.html" for code in LANGUAGES}

#: Files without which a bundle is not one; later parts of a recognizer stand beside them.
REQUIRED = frozenset({HEAD_KERAS, HEAD_ONNX, HEAD_TFLITE, LABELS, MODEL_CARD, REPORT_HTML, REPORT_JSON})

#: Bytes of a file that is still compressed: nothing else than weights is larger.
_MOST_COMPRESSED_BYTES = 32 * 2**20
#: Bytes of an archive's directory, far more than that of so many files; zipfile takes minutes over a large one.
_MAX_DIRECTORY_BYTES = 64 * 2**10
#: The end of an archive (PKWARE's APPNOTE.TXT, 4.3.16), whose sixth number is the size of the directory, and its mark.
_END, _END_MARK = struct.Struct("<4s4H2LH"), b"PK\5\6"
#: What stands before it where the directory is of the kind for more than 65,535 files (4.3.15), and its mark.
_LOCATOR_BYTES, _LOCATOR_MARK = 20, b"PK\6\7"
#: Bytes in which all of that is found, a comment included.
_MAX_END_BYTES = _LOCATOR_BYTES + _END.size + 2**16

#: What zipfile raises for damaged archives.
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError)


@dataclass(frozen=True)
class Bundle:
    """A verified bundle: its manifest, and the content of each file the manifest lists."""

    manifest: Manifest
    files: Mapping[str, bytes]


def search_file(path: Path) -> Path:
    """Where the search for the topology of the bundle at ``path`` is kept while it is under way."""
    return path.with_suffix(".search.json")


def write_bundle(path: Path, manifest: Manifest, files: Mapping[str, bytes]) -> Manifest:
    """Write a bundle of ``files`` to ``path`` and return the manifest with their sizes and hashes.

    Power may fail at any point: ``path`` then holds what it held before, or all of the bundle.
    """
    complete = manifest.model_copy(update={"files": {name: _entry(content) for name, content in files.items()}})
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _write_zip(file, {MANIFEST: complete.model_dump_json(indent=2).encode(), **files})
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    return complete


def open_bundle(path: Path, only: Collection[str] = ()) -> Bundle:
    """The bundle at ``path``, each file checked against the manifest, or ``only`` some of them where any are named.

    Raises ``BundleInvalid`` for anything that ``write_bundle`` of this format did not write.
    """
    try:
        with open_whole(path) as file, _archive(file) as archive:
            _check_members(archive)
            manifest = _parsed(_member(archive, MANIFEST, MAX_MANIFEST_BYTES))
            _check_names(archive, manifest)
            wanted = {name: entry for name, entry in manifest.files.items() if not only or name in only}
            files = {name: _member(archive, name, entry.size) for name, entry in wanted.items()}
    except FileNotFoundError as error:
        raise BundleInvalid("There is no recognizer's file at this place.") from error
    except _ZIP_ERRORS as error:
        raise BundleInvalid("This file is not a recognizer, or is damaged; download it again.") from error
    for name, entry in wanted.items():
        if _entry(files[name]) != entry:
            raise BundleInvalid(f"{name} in this recognizer is not what was built; download it again.")
    return Bundle(manifest, files)


def _entry(content: bytes) -> FileEntry:
    return FileEntry(size=len(content), sha256=hashlib.sha256(content).hexdigest())


def _write_zip(file: object, members: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            # Without the time of day, which ZipInfo leaves at 1980: the manifest says when.
            info = zipfile.ZipInfo(name)
            # A network's weights hardly shrink, and take seconds to find that out.
            is_weights = name.endswith(".onnx") or len(content) > _MOST_COMPRESSED_BYTES
            info.compress_type = zipfile.ZIP_STORED if is_weights else zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut, as the files' contents already do."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _archive(file: IO[bytes]) -> zipfile.ZipFile:
    """The archive in a file; its directory, which zipfile reads as a whole, must be small."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - _MAX_END_BYTES))
    tail = file.read()
    # Where zipfile looks for it, too: at the very end, or before a comment.
    at = len(tail) - _END.size
    if not (tail[at : at + 4] == _END_MARK and tail.endswith(b"\0\0")):
        at = tail.rfind(_END_MARK)
    if 0 <= at <= len(tail) - _END.size:
        is_large = tail[max(0, at - _LOCATOR_BYTES) : at].startswith(_LOCATOR_MARK)
        if is_large or _END.unpack_from(tail, at)[5] > _MAX_DIRECTORY_BYTES:
            raise BundleInvalid("This file has more parts than a recognizer.")
    return zipfile.ZipFile(file)


def _check_members(archive: zipfile.ZipFile) -> None:
    """Refuse an archive by its directory, before anything of it is unpacked."""
    names = archive.namelist()
    if len(names) > _MAX_MEMBERS or len(set(names)) != len(names):
        raise BundleInvalid("This file has more parts than a recognizer, or one of them twice.")
    if MANIFEST not in names:
        raise BundleInvalid(f"{MANIFEST} is missing: this file is not a recognizer.")
    if any(info.file_size > MAX_MEMBER_BYTES for info in archive.infolist()):
        raise BundleInvalid("This file would unpack to more than a recognizer ever holds.")


def _check_names(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    listed, present = set(manifest.files), set(archive.namelist()) - {MANIFEST}
    if missing := (listed | REQUIRED) - present:
        raise BundleInvalid(f"{', '.join(sorted(missing))} missing from this recognizer; download it again.")
    if not present <= listed:
        raise BundleInvalid("This file holds parts that its manifest does not list.")


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """At most ``limit`` bytes, whatever size the archive's directory claims."""
    with archive.open(name) as member:
        content = member.read(limit)
        if member.read(1):
            raise BundleInvalid(f"{name} is larger than it may be.")
    return content


def _parsed(content: bytes) -> Manifest:
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        if any(problem["loc"] == ("format",) for problem in error.errors()):
            raise BundleInvalid(
                f"This recognizer's format is newer than version {BUNDLE_FORMAT}, the last that this program reads; "
                "update the program, or build the recognizer again."
            ) from error
        raise BundleInvalid(f"{MANIFEST} is not that of a recognizer; download the file again.") from error
