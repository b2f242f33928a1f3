"""Putting a bundle into two files, so that what many bundles have in common takes its room once."""

import hashlib
import io
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from modelization.bundle.bundle_file import HEAD_ONNX, MANIFEST, PHOTO_ONNX, sync_folder
from modelization.bundle.bundle_parts import OWN, Piece, header, networks_of
from modelization.bundle.manifest import Manifest
from modelization.decision.prior import Prior, prior_of

if TYPE_CHECKING:
    import onnx

#: Bytes of a tensor below which a piece of its own is not worth it.
_LEAST_BYTES = 4096


def split_bundle(path: Path, alike: Callable[[str], Iterable[Path]]) -> Path:
    """Put the bundle at ``path`` into two files beside it, and give the one by which ``open_whole`` finds both.

    ``alike`` gives the files of networks, of bundles in the same file system, that are called by a SHA-256: the first
    of them that is whole is linked. Power may fail at any point: the bundle is then at ``path`` or in the two. One
    that has no ``recognizer.onnx`` stays as it is.
    """
    content = path.read_bytes()
    places: dict[bytes, int] = {}
    pieces, own, at, size = [], [], 0, 0
    for start, tensor in _common(content):
        if tensor not in places:
            places[tensor], size = size, size + len(tensor)
        pieces.append(Piece(start - at, places[tensor], len(tensor)))
        own.append(content[at:start])
        at = start + len(tensor)
    if not pieces:
        return path
    pieces.append(Piece(len(content) - at, 0, 0))
    networks = b"".join(places)
    sha256 = hashlib.sha256(networks).hexdigest()
    part = path.with_suffix(OWN)
    _put_networks(networks_of(part, sha256), networks, alike(sha256))
    _write(part, b"".join([header(sha256, pieces), *own, content[at:]]))
    sync_folder(path.parent)
    path.unlink()
    return part


def _common(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Where in a bundle's bytes the tensors stand that are nobody's own: of the pipeline, and of people at large."""
    import onnx

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if PHOTO_ONNX not in archive.namelist():
            return
        manifest = Manifest.model_validate_json(archive.read(MANIFEST))
        head, photo = (onnx.load_from_string(archive.read(name)).graph for name in (HEAD_ONNX, PHOTO_ONNX))
        begin = {name: archive.getinfo(name).header_offset for name in (HEAD_ONNX, PHOTO_ONNX)}
    at_large = _tables(prior_of(manifest.pipeline_version))
    of_head = list(_tensors(head))
    own = set(of_head) - at_large
    yield from _places(content, begin[HEAD_ONNX], (tensor for tensor in of_head if tensor in at_large))
    yield from _places(content, begin[PHOTO_ONNX], (tensor for tensor in _tensors(photo) if tensor not in own))


def _places(content: bytes, at: int, tensors: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Where tensors stand that are written one after another; what is not found stays the bundle's own."""
    for tensor in tensors:
        start = content.find(tensor, at)
        if start >= 0:
            yield start, tensor
            at = start + len(tensor)


def _tables(prior: Prior) -> set[bytes]:
    """What every head has of people at large, as its bytes."""
    tables = prior.background.table, prior.model.between, prior.model.axes
    return {np.asarray(table, "<f4", order="C").tobytes() for table in tables}


def _tensors(graph: "onnx.GraphProto") -> Iterator[bytes]:
    """The bytes of large tensors of a graph, in the order in which they are written: nodes' own graphs come first."""
    for node in graph.node:
        for attribute in node.attribute:
            yield from _tensors(attribute.g)
    yield from (tensor.raw_data for tensor in graph.initializer if len(tensor.raw_data) >= _LEAST_BYTES)


def _put_networks(path: Path, content: bytes, alike: Iterable[Path]) -> None:
    """Link a file that has the content, or write one where there is none that is whole, or no link can be made."""
    for other in alike:
        with suppress(OSError):  # deleted at this moment, linked too often, or on a file system that has no links
            os.link(other, path)
            if path.read_bytes() == content:
                return
            path.unlink()
    _write(path, content)


def _write(path: Path, content: bytes) -> None:
    """Write a file that is whole once it is called so."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
