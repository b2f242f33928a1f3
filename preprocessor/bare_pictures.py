"""Pictures without what their files say besides: where and when they were taken, by whom, with what.

JPEG, PNG and WebP keep their pixels as they were written: only named parts of the file stay, and of EXIF the
orientation. Whatever else is made a PNG of the pixels as a person sees them.
"""

import io
import re
import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from preprocessor.decoding import Photo, orientation
from preprocessor.media_formats import opened

#: JPEG: what stays of the segments for applications: JFIF, a colour profile, and how Adobe's colours are meant.
_JPEG_KEPT = ((0xE0, b"JFIF\0"), (0xE2, b"ICC_PROFILE\0"), (0xEE, b"Adobe"))
_SOI, _EOI, _SOS, _COMMENT = b"\xff\xd8", 0xD9, 0xDA, 0xFE
#: The end of a scan: a marker that is neither a stuffed byte, nor a restart, nor a fill byte.
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
#: PNG: how it begins, and what stays of its chunks: pixels, and what their values mean; of an animation one frame.
_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset(b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP cICP sBIT bKGD pHYs".split())
#: WebP: what stays of its chunks, and the flags in the first of them that say that there is EXIF, and XMP.
_WEBP_KEPT = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ICCP", b"ANIM", b"ANMF"))
_HAS_EXIF, _HAS_XMP = 0x08, 0x04
#: EXIF with nothing but the orientation: big-endian TIFF, one entry (tag 274, one 16-bit number), no more directories.
_EXIF = struct.Struct(">2sHIHHHIHHI")


def bare(data: bytes) -> bytes:
    """The same picture with its pixels, and how it is held, and nothing else. Raises ``ImageRejected`` for none."""
    with opened(io.BytesIO(data)) as image:
        write = _LOSSLESS.get(image.format or "")
        held = orientation(image) or 1
    if write is not None:
        try:
            return b"".join(write(data, b"" if held == 1 else _exif(held)))
        except (ValueError, IndexError, struct.error):
            pass  # oddly written, though decoders may forgive it
    return _png(data)


def _jpeg(data: bytes, exif: bytes) -> Iterator[bytes]:
    yield _SOI
    if exif:
        yield b"\xff\xe1" + struct.pack(">H", 8 + len(exif)) + b"Exif\0\0" + exif
    place = 2
    while True:
        while data[place + 1] == 0xFF:  # fill bytes
            place += 1
        marker = data[place + 1]
        if data[place] != 0xFF:
            raise ValueError("no marker where one should be")
        if marker == _EOI:
            yield b"\xff\xd9"  # and nothing of what may follow: other pictures, videos
            return
        end = place + 2 + struct.unpack_from(">H", data, place + 2)[0]
        if marker == _SOS:
            found = _AFTER_SCAN.search(data, end)
            if found is None:
                raise ValueError("no end of the picture")
            end = found.start()
        if _stays(marker, data[place + 4 : place + 20]):
            yield data[place:end]
        place = end


def _stays(marker: int, begin: bytes) -> bool:
    """Whether a segment of a JPEG is needed for its pixels; the others are applications' own, and comments."""
    if 0xE0 <= marker <= 0xEF:
        return any(marker == kept and begin.startswith(name) for kept, name in _JPEG_KEPT)
    return marker != _COMMENT


def _png_chunks(data: bytes, exif: bytes) -> Iterator[bytes]:
    yield _PNG_START
    place, kind = len(_PNG_START), b""
    while kind != b"IEND":
        size, kind = struct.unpack_from(">I4s", data, place)
        if place + 12 + size > len(data):
            raise ValueError("a chunk that ends after the file")
        if kind in _PNG_KEPT:
            yield data[place : place + 12 + size]
        if kind == b"IHDR" and exif:
            yield struct.pack(">I", len(exif)) + b"eXIf" + exif + struct.pack(">I", zlib.crc32(b"eXIf" + exif))
        place += 12 + size


def _webp(data: bytes, exif: bytes) -> Iterator[bytes]:
    chunks = [bytearray(chunk) for chunk in _riff_chunks(data)]
    if chunks[0][:4] == b"VP8X":
        chunks[0][8] &= ~(_HAS_EXIF | _HAS_XMP)
        chunks[0][8] |= _HAS_EXIF if exif else 0
        if exif:
            chunks.append(bytearray(b"EXIF" + struct.pack("<I", len(exif)) + exif + b"\0" * (len(exif) % 2)))
    yield b"RIFF" + struct.pack("<I", 4 + sum(map(len, chunks))) + b"WEBP"
    yield from map(bytes, chunks)


def _riff_chunks(data: bytes) -> Iterator[bytes]:
    end, place = 8 + struct.unpack_from("<I", data, 4)[0], 12
    while place + 8 <= min(end, len(data)):
        kind, size = struct.unpack_from("<4sI", data, place)
        after = place + 8 + size + size % 2
        if after > len(data):
            raise ValueError("a chunk that ends after the file")
        if kind in _WEBP_KEPT:
            yield data[place:after]
        place = after


def _exif(held: int) -> bytes:
    return _EXIF.pack(b"MM", 42, 8, 1, 274, 3, 1, held, 0, 0)


def _png(data: bytes) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(Photo(data).pixels()).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


#: MPO is what Pillow calls a JPEG that others follow in its file.
_LOSSLESS = {"JPEG": _jpeg, "MPO": _jpeg, "PNG": _png_chunks, "WEBP": _webp}
