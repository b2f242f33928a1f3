"""Putting a bundle into two files, so that what many bundles have in common takes its room once."""

import hashlib
import mmap
import os
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from modelization.bundle.bundle_file import HEAD_ONNX, MANIFEST, PHOTO_ONNX, sync_folder
from modelization.bundle.bundle_parts import OWN, Piece, header, networks_of
from modelization.bundle.manifest import Manifest
from modelization.bundle.onnx_fields import TENSOR, fields_of
from modelization.decision.prior import Prior, prior_of

#: Bytes of a tensor below which a piece of its own is not worth it.
_LEAST_BYTES = 4096
#: The field of a tensor that has its numbers as bytes.
_RAW_DATA = 9
#: What stands before a file in an archive (PKWARE's APPNOTE.TXT, 4.3.7): 26 bytes, and the lengths of its name and of
#: what else is said of it, which follow.
_LOCAL_HEADER = struct.Struct("<26x2H")


class _Tensor(NamedTuple):
    """Where the numbers of a tensor begin in a bundle, as its bytes, and their SHA-256."""

    start: int
    numbers: memoryview
    sha256: bytes


def split_bundle(path: Path, alike: Callable[[str], Iterable[Path]]) -> Path:
    """Put the bundle at ``path`` into two files beside it, and give the one by which ``open_whole`` finds both.

    ``alike`` gives the files of networks, of bundles in the same file system, that are called by a SHA-256: the first
    of them that is whole is linked. Power may fail at any point: the bundle is then at ``path`` or in the two. One
    that has no ``recognizer.onnx`` stays as it is.
    """
    with path.open("rb") as file:
        # Mapped, and not read: half of it is not looked at but to be written, and it may be half a gigabyte.
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    places: dict[bytes, int] = {}
    networks: list[memoryview] = []
    pieces, own, at, size = [], [], 0, 0
    for tensor in _common(path, content):
        if tensor.sha256 not in places:
            places[tensor.sha256], size = size, size + len(tensor.numbers)
            networks.append(tensor.numbers)
        pieces.append(Piece(tensor.start - at, places[tensor.sha256], len(tensor.numbers)))
        own.append(content[at : tensor.start])
        at = tensor.start + len(tensor.numbers)
    if not pieces:
        return path
    pieces.append(Piece(len(content) - at, 0, 0))
    sha256 = hashlib.sha256()
    for numbers in networks:
        sha256.update(numbers)
    part = path.with_suffix(OWN)
    _put_networks(networks_of(part, sha256.hexdigest()), networks, alike(sha256.hexdigest()))
    _write(part, [header(sha256.hexdigest(), pieces), *own, content[at:]])
    sync_folder(path.parent)
    path.unlink()
    return part


def _common(path: Path, content: memoryview) -> Iterator[_Tensor]:
    """The tensors of a bundle that are nobody's own, in their order: of the pipeline, and of people at large."""
    with zipfile.ZipFile(path) as archive:
        if PHOTO_ONNX not in archive.namelist():
            return
        manifest = Manifest.model_validate_json(archive.read(MANIFEST))
        found = {info.filename: list(_tensors(content, info)) for info in archive.infolist() if _is_model(info)}
    at_large = _tables(prior_of(manifest.pipeline_version))
    own = {tensor.sha256 for tensor in found[HEAD_ONNX]} - at_large
    common = [tensor for tensor in found[HEAD_ONNX] if tensor.sha256 in at_large]
    common += [tensor for tensor in found[PHOTO_ONNX] if tensor.sha256 not in own]
    yield from sorted(common)


def _is_model(info: zipfile.ZipInfo) -> bool:
    return info.filename in (HEAD_ONNX, PHOTO_ONNX)


def _tensors(content: memoryview, info: zipfile.ZipInfo) -> Iterator[_Tensor]:
    """The large tensors of a model that stands in a bundle as it is, not compressed (``bundle_file.write_bundle``)."""
    lengths = _LOCAL_HEADER.unpack_from(content, info.header_offset)
    begin = info.header_offset + _LOCAL_HEADER.size + sum(lengths)
    for kind, number, value, place in fields_of(content[begin : begin + info.file_size]):
        if kind == TENSOR and number == _RAW_DATA and isinstance(value, memoryview) and len(value) >= _LEAST_BYTES:
            yield _Tensor(begin + place, value, hashlib.sha256(value).digest())


def _tables(prior: Prior) -> set[bytes]:
    """What every head has of people at large, as the SHA-256 of its bytes."""
    tables = prior.background.table, prior.model.between, prior.model.axes
    return {hashlib.sha256(np.asarray(table, "<f4", order="C").tobytes()).digest() for table in tables}


def _put_networks(path: Path, content: Iterable[memoryview], alike: Iterable[Path]) -> None:
    """Link a file that has the content, or write one where there is none that is whole, or no link can be made."""
    for other in alike:
        with suppress(OSError):  # deleted at this moment, linked too often, or on a file system that has no links
            os.link(other, path)
            if _is_called_rightly(path):
                return
            path.unlink()
    _write(path, content)


def _is_called_rightly(path: Path) -> bool:
    """Whether a file of networks has the content that it is called by."""
    with path.open("rb") as file:
        return path.stem.endswith(hashlib.file_digest(file, "sha256").hexdigest())


def _write(path: Path, content: Iterable[bytes | memoryview]) -> None:
    """Write a file that is whole once it is called so."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.writelines(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
