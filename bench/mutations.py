"""Requests as nobody means them: valid ones of every kind, changed at random, each made from a seed and its number."""

import gzip
import io
import json
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import cv2
import numpy as np
from PIL import Image

from bench.running_service import Form, form

_BOUNDARY = "a-boundary"
#: Side of the pictures in pixels, and frames of the clips: small, for what matters is how they are written.
_SIDE, _FRAMES = 96, 4
#: Changes of one request, at most.
_MOST_CHANGES = 6
#: Numbers at which programs break.
_INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
#: Pieces that stand in forms, archives, manifests and names.
_PIECES = (
    b"\r\n",
    b"--a-boundary\r\n",
    b"--a-boundary--",
    b'; filename="',
    b"Content-Length: 99999999999\r\n",
    b"\x00",
    b"\xff\xd9",
    b"PK\x05\x06",
    b"../../",
    b"[" * 500,
    b'"\\ud800"',
    b"1e999",
    b"NaN",
    "é\u202e\u0301".encode(),
    b"\xc3\x28",
)


@dataclass(frozen=True)
class Case:
    """A request that may be sent."""

    kind: str
    method: str
    path: str
    form: Form


class Mutations:
    """Changed requests; ``recognizer`` is the id of one that is ready, with a person whose label is ``label``."""

    def __init__(self, portrait: bytes, recognizer: str, label: str) -> None:
        """``portrait`` is a picture with a face, of any format and size."""
        picture = Image.open(io.BytesIO(portrait)).convert("RGB").resize((_SIDE, _SIDE))
        self._media = _pictures(picture) | _clips(np.asarray(picture))
        self._picture = self._media["1.jpg"]
        self._archives = _archives(self._media)
        self._manifests = _manifests()
        self.recognizer = recognizer
        self._recognizer = f"/v1/recognizers/{recognizer}"
        self._label = label
        self._kinds: Mapping[str, Callable[[random.Random], Case]] = {
            "picture": self._changed_picture,
            "photo": self._changed_photo,
            "archive": self._changed_archive,
            "manifest": self._changed_manifest,
            "fields": self._changed_fields,
            "form": self._changed_form,
            "json": self._changed_json,
            "path": self._changed_path,
        }

    def case(self, seed: int, number: int) -> Case:
        """The request of some number, the same for the same seed."""
        rng = random.Random(f"{seed} {number}")
        return self._kinds[rng.choice(list(self._kinds))](rng)

    def _changed_picture(self, rng: random.Random) -> Case:
        name, content = rng.choice(list(self._media.items()))
        files = [(f"Ada/{name}", changed(content, rng)), ("Ben/1.jpg", self._picture)]
        return Case("picture", "POST", "/build_recognizer", form("images", files, dry_run="1"))

    def _changed_photo(self, rng: random.Random) -> Case:
        name, content = rng.choice(list(self._media.items()))
        draw = rng.choice(("", "?draw=1"))
        return Case(
            "photo", "POST", f"{self._recognizer}/recognize{draw}", form("image", [(name, changed(content, rng))])
        )

    def _changed_archive(self, rng: random.Random) -> Case:
        name, content = rng.choice(list(self._archives.items()))
        return Case("archive", "POST", "/v1/recognizers", form("images", [(name, changed(content, rng))], dry_run="1"))

    def _changed_manifest(self, rng: random.Random) -> Case:
        name, content = rng.choice(list(self._manifests.items()))
        body, headers = form("images", [("1.jpg", self._picture), ("2.jpg", self._picture)], dry_run="1")
        manifest, _ = form("manifest", [(name, changed(content, rng))])
        return Case("manifest", "POST", "/build_recognizer", (body[: body.rindex(b"--a-line")] + manifest, headers))

    def _changed_fields(self, rng: random.Random) -> Case:
        values = ("", "0", "-1", "1", "2", "1e9", "nan", "0.01", "true", "Ada", "\x00", "é" * 2000, "[]", "9" * 400)
        names = (
            "name",
            "labels",
            "seed",
            "target_fpir",
            "optimize",
            "generations",
            "ttl_s",
            "label_from",
            "keep_images",
        )
        fields = {name: rng.choice(values) for name in rng.sample(names, rng.randint(1, 4))}
        name = changed(b"Ada/1.jpg", rng).decode("latin-1").replace('"', "%22").replace("\n", " ").replace("\r", " ")
        body = form("images", [(name, self._picture)], **(fields | {"dry_run": "1"}))
        return Case("fields", "POST", "/build_recognizer", body)

    def _changed_form(self, rng: random.Random) -> Case:
        body, headers = form("images", [("Ada/1.jpg", self._picture), ("Ben/1.jpg", self._picture)], dry_run="1")
        kind = headers["Content-Type"]
        if rng.random() < 0.3:
            kind = "".join(c for c in changed(kind.encode(), rng).decode("latin-1") if c.isprintable()).strip()
        path = rng.choice(("/build_recognizer", f"{self._recognizer}/recognize", f"{self._recognizer}/people"))
        return Case("form", "POST", path, (changed(body, rng), {"Content-Type": kind}))

    def _changed_json(self, rng: random.Random) -> Case:
        # Of a file that is not there: whatever is left of it as it was makes no version.
        body = changed(json.dumps({"faces": [["nobody.jpg", 0], [1, 10**9]], "label": "Eve"}).encode(), rng)
        path = f"{self._recognizer}/people/{quote(self._label)}"
        return Case("json", "PATCH", path, (body, {"Content-Type": "application/json"}))

    def _changed_path(self, rng: random.Random) -> Case:
        routes = ("", "/images", "/people", "/model?format=bundle", "/report", "/erasures", "/compare?from=1&to=1")
        path = changed((self._recognizer + rng.choice(routes)).encode(), rng).decode("latin-1")
        safe = "/" + quote(path.lstrip("/"), safe="/?&=%")
        return Case("path", "GET", safe[:4000], (b"", {}))


def changed(content: bytes, rng: random.Random) -> bytes:
    """Some bytes after a few changes: at times none, and at times of a copy that was broken off."""
    for _ in range(rng.randint(0, _MOST_CHANGES)):
        content = rng.choice(_CHANGES)(content, rng)
    return content


def _flip(content: bytes, rng: random.Random) -> bytes:
    if not content:
        return content
    place = rng.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randint(0, len(content))]


def _remove(content: bytes, rng: random.Random) -> bytes:
    start, end = _piece(content, rng)
    return content[:start] + content[end:]


def _double(content: bytes, rng: random.Random) -> bytes:
    start, end = _piece(content, rng)
    return content[:end] + content[start:end] * rng.choice((1, 1, 2, 50)) + content[end:]


def _insert(content: bytes, rng: random.Random) -> bytes:
    place = rng.randint(0, len(content))
    return content[:place] + rng.choice((*_PIECES, rng.randbytes(rng.randint(1, 16)))) + content[place:]


def _number(content: bytes, rng: random.Random) -> bytes:
    """A number at which programs break in place of what stands there, as headers write it."""
    width, sign = rng.choice(((1, "B"), (2, "H"), (4, "I"))), rng.choice("<>")
    value = rng.choice([number for number in _INTERESTING if number < 1 << 8 * width[0]])
    place = rng.randint(0, max(0, min(len(content), 600) - width[0]))
    return content[:place] + struct.pack(sign + width[1], value) + content[place + width[0] :]


def _piece(content: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randint(0, len(content))
    return start, min(len(content), start + rng.choice((1, 4, 16, 256)))


_CHANGES: Sequence[Callable[[bytes, random.Random], bytes]] = (_flip, _flip, _cut, _remove, _double, _insert, _number)


def _pictures(picture: Image.Image) -> dict[str, bytes]:
    """A picture in every format that is accepted."""
    exif = Image.Exif()
    exif[274] = 6
    ways: dict[str, dict[str, object]] = {
        "1.jpg": {"format": "JPEG", "exif": exif},
        "2.jpg": {"format": "JPEG", "progressive": True},
        "3.png": {"format": "PNG"},
        "4.webp": {"format": "WEBP"},
        "5.bmp": {"format": "BMP"},
        "6.gif": {"format": "GIF"},
        "7.tiff": {"format": "TIFF", "compression": "tiff_lzw"},
        "8.avif": {"format": "AVIF"},
    }
    return {name: _written(picture, **way) for name, way in ways.items()}


def _written(picture: Image.Image, **way: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, **way)  # type: ignore[arg-type]
    return buffer.getvalue()


def _clips(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> dict[str, bytes]:
    """A few frames as an MP4."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (_SIDE, _SIDE))
        for _ in range(_FRAMES):
            writer.write(pixels[:, :, ::-1])
        writer.release()
        return {"9.mp4": path.read_bytes()}


def _archives(media: Mapping[str, bytes]) -> dict[str, bytes]:
    """Zips, stored and deflated, and a tar.gz, of two people."""
    own = [(f"{person}/{name}", media[name]) for person in ("Ada", "Ben") for name in ("1.jpg", "4.webp")]
    found = {}
    for name, compression in (("stored.zip", zipfile.ZIP_STORED), ("deflated.zip", zipfile.ZIP_DEFLATED)):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", compression) as archive:
            for entry, content in own:
                archive.writestr(entry, content)
        found[name] = buffer.getvalue()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for entry, content in own:
            member = tarfile.TarInfo(entry)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return found | {"packed.tar.gz": gzip.compress(buffer.getvalue(), 1), "plain.tar": buffer.getvalue()}


def _manifests() -> dict[str, bytes]:
    rows = [{"file": "1.jpg", "person": "Ada", "box": [1, 2, 90, 80]}, {"file": "2.jpg", "person": "Ben"}]
    return {
        "manifest.csv": b"file,person,box\n1.jpg,Ada,1 2 90 80\n2.jpg,Ben,\n",
        "manifest.json": json.dumps(rows).encode(),
    }
