"""What is kept of a picture beside its pixels: how it is held, and nothing that says where, when or by whom."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from constants.exceptions import ImageRejected
from preprocessor.bare_pictures import bare
from preprocessor.decoding import Photo, orientation

#: Stands in every place of a file where something is said beside the pixels.
PLANTED = b"PLANTED-BY-A-TEST"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><y>' + PLANTED + b"</y></x:xmpmeta>"


def exif(held: int = 6) -> bytes:
    planted = Image.Exif()
    planted[0x0112] = held
    planted[0x010E] = PLANTED.decode()
    planted.get_ifd(0x8825)[1] = PLANTED.decode()  # GPS
    planted.get_ifd(0x8769)[0x9286] = PLANTED  # a comment
    return planted.tobytes()


def saved(astronaut, form, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(astronaut[:200, :150]).save(buffer, form, **options)
    return buffer.getvalue()


def jpeg(astronaut, **options) -> bytes:
    """A JPEG with EXIF, XMP, a comment, IPTC, other applications' segments, and another picture behind its end."""
    data = saved(astronaut, "JPEG", exif=exif(), xmp=XMP, comment=PLANTED, **options)
    for marker in (0xED, 0xE3, 0xE2, 0xEF):
        data = data[:2] + bytes((0xFF, marker)) + struct.pack(">H", 2 + len(PLANTED)) + PLANTED + data[2:]
    return data + data


def png(astronaut) -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", PLANTED.decode())
    texts.add_text("zipped", PLANTED.decode() * 9, zip=True)
    texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
    texts.add(b"prVt", PLANTED)
    data = saved(astronaut, "PNG", exif=exif(), pnginfo=texts)
    return data + PLANTED


PICTURES = {
    "jpeg": jpeg,
    "progressive": lambda astronaut: jpeg(astronaut, progressive=True),
    "png": png,
    "webp": lambda astronaut: saved(astronaut, "WEBP", exif=exif(), xmp=XMP) + PLANTED,
    "lossless webp": lambda astronaut: saved(astronaut, "WEBP", lossless=True, exif=exif(), xmp=XMP),
    "tiff": lambda astronaut: saved(astronaut, "TIFF", exif=exif(), description=PLANTED.decode()),
    "avif": lambda astronaut: saved(astronaut, "AVIF", exif=exif(), xmp=XMP),
    "gif": lambda astronaut: saved(astronaut, "GIF", comment=PLANTED),
}


@pytest.mark.parametrize("form", PICTURES)
def test_pixels_and_orientation_stay_and_nothing_else(astronaut, form):
    sent = PICTURES[form](astronaut)
    kept = bare(sent)
    assert PLANTED in sent and PLANTED not in kept and b"GPS" not in kept
    assert np.array_equal(Photo(kept).pixels(), Photo(sent).pixels())
    with Image.open(io.BytesIO(kept)) as image:
        assert set(image.getexif()) <= {0x0112}
        assert not set(image.info) & {"xmp", "XML:com.adobe.xmp", "comment", "photoshop", "Comment", "zipped"}
        if form in ("jpeg", "progressive", "png", "webp", "lossless webp"):
            assert orientation(image) == 6, "the pixels stay as they were written"
    assert bare(kept) == kept, "of a bare picture everything stays"


def test_an_upright_picture_has_no_exif(astronaut_jpeg):
    assert b"Exif" not in bare(saved(np.asarray(Image.open(io.BytesIO(astronaut_jpeg))), "JPEG", exif=exif(held=1)))


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_colours_stay(astronaut, mode):
    buffer = io.BytesIO()
    Image.fromarray(astronaut).convert(mode).save(buffer, "JPEG", exif=exif(), icc_profile=b"a profile of colours")
    kept = bare(buffer.getvalue())
    assert np.array_equal(Photo(kept).pixels(), Photo(buffer.getvalue()).pixels())
    assert b"a profile of colours" in kept and PLANTED not in kept


def test_what_a_decoder_forgives_is_written_anew(astronaut):
    odd = jpeg(astronaut)
    odd = odd[:-2][: odd.index(b"\xff\xda") + 3000]  # without an end
    try:
        pixels = Photo(odd).pixels()
    except ImageRejected:
        with pytest.raises(ImageRejected):
            bare(odd)
    else:
        assert np.array_equal(Photo(bare(odd)).pixels(), pixels)


def test_what_is_no_picture_is_refused():
    with pytest.raises(ImageRejected):
        bare(b"no picture" + zlib.compress(PLANTED))
