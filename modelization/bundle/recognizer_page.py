"""A recognizer as one page that opens by a double click: ``demo.html`` with all that it runs on within it."""

import base64
import gzip
import hashlib
import json
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import IO

from constants.exceptions import NotFound
from modelization.bundle.bundle_file import LABELS, PHOTO_ONNX

_FOLDER = Path(__file__).parent / "portable"
#: What runs a network in a browser: files of the npm package onnxruntime-web, which the Makefile puts there.
_RUNTIME = tuple(
    _FOLDER / "onnxruntime-web" / name
    for name in ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
)
#: Where in the page the files go that are within it.
_PLACE = b"<!-- files -->"
#: How each stands there; a browser neither runs nor shows it.
_BEFORE, _AFTER = '<script type="text/plain" data-file={name} data-is="{kind}">', "</script>\n"
#: Bytes that are written as text at a time: whole groups of three.
_PIECE = 3 << 16


def can_make_pages() -> bool:
    """Whether what runs in a browser is there."""
    return all(file.is_file() for file in _RUNTIME)


@cache
def page_policy() -> str:
    """What a browser may do in such a page that a service shows: run its one script, and the runtime within it."""
    script = (_FOLDER / "demo.html").read_bytes().partition(b'<script type="module">')[2].partition(b"</script>")[0]
    own = base64.b64encode(hashlib.sha256(script).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{own}' blob: 'wasm-unsafe-eval'; connect-src blob:; "
        "style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )


def recognizer_page(bundle: zipfile.ZipFile) -> tuple[Iterator[bytes], int]:
    """The page of an open bundle, piece by piece, and its size in bytes.

    Raises ``KeyError`` for a bundle without the one-file recognizer, ``NotFound`` where the runtime is missing.
    """
    if not can_make_pages():
        raise NotFound(
            "This service was installed without onnxruntime-web, which such a page runs on; the operator gets it with "
            "npm and 'make page-runtime'. Take the bundle, which has the same recognizer."
        )
    before, after = (_FOLDER / "demo.html").read_bytes().split(_PLACE)
    network = bundle.getinfo(PHOTO_ONNX)
    head = _element(PHOTO_ONNX, "stored").encode()
    rest = _AFTER.encode() + _compressed(LABELS, bundle.read(LABELS)) + _runtime() + after
    size = len(before) + len(head) + 4 * -(-network.file_size // 3) + len(rest)
    return _pieces(bundle, (before + head, rest)), size


def _pieces(bundle: zipfile.ZipFile, around: tuple[bytes, bytes]) -> Iterator[bytes]:
    with bundle.open(PHOTO_ONNX) as network:
        yield around[0]
        yield from map(base64.b64encode, _threes(network))
        yield around[1]


def _threes(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


@cache
def _runtime() -> bytes:
    return b"".join(_compressed(file.name, file.read_bytes()) for file in _RUNTIME)


def _compressed(name: str, content: bytes) -> bytes:
    # Without the time of day: the same recognizer gives the same page.
    packed = base64.b64encode(gzip.compress(content, mtime=0)).decode()
    return f"{_element(name, 'gzip')}{packed}{_AFTER}".encode()


def _element(name: str, kind: str) -> str:
    return _BEFORE.format(name=json.dumps(name), kind=kind)
