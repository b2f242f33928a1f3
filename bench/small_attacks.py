"""Small requests that would cost a service much if it believed them: each with what it may be answered."""

import gzip
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.running_service import Form, form

_BOUNDARY = "a-boundary"


@dataclass(frozen=True)
class Attack:
    """A request, and the statuses that are right answers to it."""

    name: str
    path: str
    form: Form
    answers: Sequence[int]
    method: str = "POST"


def attacks(picture: bytes, recognizer: str) -> Iterator[Attack]:
    """All of them; ``picture`` is a JPEG with a face, ``recognizer`` the id of one that is ready."""
    yield from _names(picture, recognizer)
    yield from _archives(picture)
    yield from _forms(picture, recognizer)
    yield from _manifests(picture)
    yield from _pictures(recognizer)


def _build(name: str, files: Sequence[tuple[str, bytes]], answers: Sequence[int], **fields: str) -> Attack:
    return Attack(name, "/build_recognizer", form("images", files, **fields), answers)


def _names(picture: bytes, recognizer: str) -> Iterator[Attack]:
    label = f"/v1/recognizers/{recognizer}/people/"
    json_type = {"Content-Type": "application/json"}
    yield _build("a name of 13,000 characters", [("a/" * 6_500, picture)], (400,))
    yield _build("a name of 40 kB", [("a/" * 20_000, picture)], (400, 413))
    yield _build("a name of 200 kB", [("a/" * 100_000, picture)], (400, 413))
    yield _build("a tab in a name", [("a\tb.jpg", picture)], (400,))
    yield _build("a label of combining marks", [("a.jpg", picture)], (400,), labels="a" + "\u0301" * 30_000)
    yield _build("a name of underscores", [("_" * 1000 + ".jpg", picture)], (400,), label_from="filename")
    body = b'{"label": "\\ud800"}'
    yield Attack("half a character as a label", label + "Ada", (body, json_type), (400,), "PATCH")
    yield Attack("100 MiB of JSON", label + "Ada", (b" " * (100 << 20), json_type), (413,), "PATCH")


def _archives(picture: bytes) -> Iterator[Attack]:
    long_name = (tarfile.GNUTYPE_LONGNAME, bytes(100 << 20))
    yield _build("a long name in a tar", [("a.tar.gz", _tar(("x", *long_name)))], (413,))
    yield _build("pax headers in a tar", [("a.tar.gz", _tar(("x", tarfile.XHDTYPE, bytes(100 << 20))))], (413,))
    yield _build("hidden zeros in a tar", [("a.tar.gz", _tar((".x", tarfile.REGTYPE, bytes(200 << 20))))], (413,))
    yield _build("zeros in a zip", [("a.zip", _zip([("1.bmp", bytes(200 << 20))]))], (413,))
    many = _zip([(f"{number}/", b"") for number in range(60_000)])
    yield _build("a zip of 60,000 folders", [("a.zip", many)], (413,))
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0, 0)
    yield _build("a zip that claims everything", [("a.zip", b"PK\x03\x04" + bytes(200) + end)], (413, 415))
    yield _build("a zip in a zip", [("a.zip", _zip([("b.zip", _zip([("1.jpg", picture)]))]))], (422,))
    yield _build("noise that begins as gzip", [("a.tar.gz", b"\x1f\x8b" + bytes(range(256)) * 4000)], (415,))


def _forms(picture: bytes, recognizer: str) -> Iterator[Attack]:
    kind = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    part = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n'
    fields = (part % ("a", "")).encode() + b"1\r\n"
    nameless = (part % ("images", '; filename=""')).encode() + bytes(60 << 20) + b"\r\n"
    last = f"--{_BOUNDARY}--\r\n".encode()
    endless = f"--{_BOUNDARY}\r\n".encode() + b"a" * (8 << 20)
    recognize = f"/recognize?id={recognizer}"
    yield Attack("a form of 100,000 fields", "/build_recognizer", (fields * 100_000 + last, kind), (413,))
    yield Attack("120 MiB without a name", "/build_recognizer", (nameless * 2 + last, kind), (413,))
    yield Attack("a head without an end", "/build_recognizer", (endless, kind), (413,))
    yield Attack("photos of 100 MiB", recognize, form("image", [("a.jpg", bytes(100 << 20))]), (413,))
    yield Attack("photos for nobody", "/recognize?id=none", form("image", [("a.jpg", bytes(60 << 20))]), (404,))
    yield Attack("a thousand photos", recognize, form("image", [("a.jpg", picture)] * 1000), (400, 413))


def _manifests(picture: bytes) -> Iterator[Attack]:
    rows = [f"1.jpg,Person {number},{number} 0 {number + 9} 9" for number in range(2000)]
    boxes = "\n".join(["file,person,box", *rows])
    yield _build("2,000 people in a picture", [("1.jpg", picture)], (400,), manifest=boxes)
    entries = [{"file": "1.jpg", "person": f"P{number}", "box": [0, 0, number + 1, 9]} for number in range(100_000)]
    yield _build("100,000 boxes", [("1.jpg", picture)], (400, 413), manifest=json.dumps(entries))
    yield _build("deep JSON", [("1.jpg", picture)], (400,), manifest="[" * 200_000)


def _pictures(recognizer: str) -> Iterator[Attack]:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100 << 20)
    yield _build("100 MiB of HEIC", [("1.heic", heic), ("2.heic", heic[:1000])], (422,))
    endless = b"\xff\xd8" + (b"\xff\xe1\xff\xff" + bytes(0xFFFD)) * 1_000
    yield _build("a JPEG of headers", [("1.jpg", endless), ("2.jpg", endless)], (422,))
    ihdr = struct.pack(">IIBBBBB", 65_000, 65_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + ihdr + bytes(4)
    yield _build("a PNG of 4 gigapixels", [("1.png", bomb), ("2.png", bomb)], (422,))
    yield Attack("a photo of 4 gigapixels", f"/recognize?id={recognizer}", form("image", [("1.png", bomb)]), (422,))


def _zip(files: Sequence[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def _tar(*members: tuple[str, bytes, bytes]) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1) as compressed:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.size = kind, len(content)
            compressed.write(info.tobuf(tarfile.GNU_FORMAT))
            compressed.write(content)
    return buffer.getvalue()
