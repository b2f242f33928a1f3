"""A picture's bytes become the pixels that a person sees, as finely as asked, or a reason why not."""

import io
import warnings

import cv2
import numpy as np
import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from constants.exceptions import ImageRejected
from constants.reasons import Reason
from preprocessor.decoding import Photo
from preprocessor.types import Box

#: Values of the EXIF orientation, and what turns an upright picture into the stored one.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
#: Grey levels that a smooth picture may change by in a lossy format: on average, and anywhere.
MEAN_LOSS, LARGEST_LOSS = 2.0, 12


def smooth(width: int, height: int) -> Image.Image:
    """A picture that is bright at the top left and differs in every direction, without sharp edges."""
    y, x = np.mgrid[0:height, 0:width] / height
    waves = np.stack([np.cos(2 * x) + np.cos(3 * y), np.sin(3 * x + y), np.cos(4 * x - 2 * y)], axis=-1)
    return Image.fromarray((100 + 50 * waves).clip(0, 255).astype(np.uint8))


pillow_heif.register_heif_opener()  # and with it the writer, so that the tests can make such files


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def with_orientation(upright: Image.Image, orientation: int, kind: str = "JPEG") -> bytes:
    turn = STORED[orientation]
    exif = Image.Exif()
    exif[274] = orientation
    return encoded(upright if turn is None else upright.transpose(turn), kind, exif=exif.tobytes())


def assert_alike(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape and found.dtype == np.uint8
    difference = np.abs(found.astype(int) - expected)
    assert difference.mean() <= MEAN_LOSS and difference.max() <= LARGEST_LOSS


def reason_of(data: bytes) -> str:
    with pytest.raises(ImageRejected) as caught:
        Photo(data).pixels()
    return caught.value.reason


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF"])
def test_every_orientation_gives_the_upright_picture(orientation, kind):
    upright = smooth(320, 200)
    photo = Photo(with_orientation(upright, orientation, kind))
    assert (photo.width, photo.height) == (320, 200)
    assert_alike(photo.pixels(), np.asarray(upright))


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("side", [160, 75])
def test_every_orientation_is_upright_when_reduced(orientation, side):
    upright = smooth(320, 200)
    found = Photo(with_orientation(upright, orientation)).within(side)
    assert_alike(found, np.asarray(upright.resize(found.shape[1::-1], Image.Resampling.BOX)))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "HEIF", "AVIF", "TIFF", "BMP", "PNG", "MPO"])
def test_formats_of_colour_pictures(kind):
    image = smooth(120, 90)
    assert_alike(Photo(encoded(image, kind)).pixels(), np.asarray(image))


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_pictures_in_the_colours_of_print(kind):
    image = smooth(120, 90)
    assert_alike(Photo(encoded(image.convert("CMYK"), kind)).pixels(), np.asarray(image))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_of_grey_become_eight(kind):
    grey = np.asarray(smooth(120, 90).convert("L"))
    data = encoded(Image.fromarray(grey.astype(np.uint16) * 257), kind)
    assert np.array_equal(Photo(data).pixels(), np.repeat(grey[:, :, None], 3, axis=2))


@pytest.mark.parametrize("kind", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bits_of_colour_become_eight(kind, channels):
    colour = np.asarray(smooth(120, 90))
    opaque = np.full((*colour.shape[:2], channels - 3), 255, np.uint8)
    deep = np.concatenate([colour[:, :, ::-1], opaque], axis=2).astype(np.uint16) * 257
    written, data = cv2.imencode(kind, deep)
    assert written
    assert np.array_equal(Photo(data.tobytes()).pixels(), colour)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_ten_bits_of_a_phone_become_eight(mode):
    image = smooth(120, 90).convert(mode)
    deep = np.asarray(image).astype(np.uint16) * 257
    buffer = io.BytesIO()
    pillow_heif.encode(f"{mode};16", image.size, deep.tobytes(), buffer, quality=90)
    assert_alike(Photo(buffer.getvalue()).pixels(), np.asarray(image.convert("RGB")))


def test_a_thumbnail_inside_a_picture_never_stands_for_it():
    image = smooth(640, 480)
    data = encoded(image, "HEIF", quality=90, thumbnails=[160])
    Photo(data).pixels()
    pillow_heif.register_heif_opener()  # as imageio does whenever it reads a file, and with it scikit-image
    assert_alike(Photo(data).pixels(1 / 8), np.asarray(image))


@pytest.mark.parametrize("mode", ["L", "P", "1"])
def test_pictures_of_few_colours(mode):
    image = smooth(120, 90).convert(mode)
    assert np.array_equal(Photo(encoded(image, "PNG")).pixels(), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_are_white(mode):
    image = Image.new("RGBA", (64, 48), (0, 0, 0, 0))
    image.paste((40, 40, 40, 255), (0, 0, 32, 48))
    pixels = Photo(encoded(image.convert(mode), "PNG")).pixels()
    assert (pixels[:, :32] == 40).all() and (pixels[:, 32:] == 255).all()


def test_half_transparent_parts_are_mixed_with_white():
    pixels = Photo(encoded(Image.new("RGBA", (64, 48), (0, 0, 0, 128)), "PNG")).pixels()
    assert (pixels == 127).all()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF", "HEIF", "MPO"])
def test_a_moving_picture_gives_its_first_frame(kind):
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    moving, still = Photo(data), Photo(encoded(frames[0], kind))
    assert_alike(moving.pixels(), np.asarray(frames[0]))
    # An MPO is a camera's JPEG with a smaller copy behind it, which nobody would miss.
    assert (moving.first_of_several, still.first_of_several) == (kind != "MPO", False)


def test_a_moving_picture_may_be_damaged_after_its_first_frame():
    frames = [smooth(64, 48), smooth(64, 48).rotate(90)]
    whole = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    with Image.open(io.BytesIO(whole)) as image:
        image.seek(1)
        behind = image.tile[0].offset
    expected = Photo(whole).pixels()
    for end in range(behind - 30, behind):
        assert np.array_equal(Photo(whole[:end]).pixels(), expected)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "HEIF"])
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_truncated_picture_is_damaged(astronaut, kind, share):
    data = encoded(Image.fromarray(astronaut), kind)
    assert reason_of(data[: int(len(data) * share)]) == Reason.DAMAGED_IMAGE


@pytest.mark.parametrize("scale", [1.0, 0.5])
@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_of_a_jpeg_without_its_last_bytes_the_rows_that_are_whole_are_known(astronaut, subsampling, orientation, scale):
    stored = Image.fromarray(astronaut[:, :480])
    exif = Image.Exif()
    exif[274] = orientation
    data = encoded(stored, "JPEG", exif=exif, subsampling=subsampling, quality=90)
    whole, photo = Photo(data), Photo(data[: len(data) // 2])
    assert photo.pixels(scale).shape == whole.pixels(scale).shape
    assert photo.is_cut and not whole.is_cut
    box = photo.whole
    assert 0.4 < box.area / (512 * 480) < 0.7
    edges = [round(edge * scale) for edge in (box.top, box.bottom, box.left, box.right)]
    known = (slice(*edges[:2]), slice(*edges[2:]))
    assert np.array_equal(photo.pixels(scale)[known], whole.pixels(scale)[known])
    assert photo.is_whole(box) and not photo.is_whole(Box(0, 0, photo.width, photo.height))


def test_a_jpeg_that_lacks_nearly_everything_is_damaged(astronaut):
    data = encoded(Image.fromarray(astronaut), "JPEG")
    photo = Photo(data[:700])
    photo.pixels()
    assert photo.whole.area == 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.EMPTY_FILE),
        (b"Dear Sir or Madam,\n" * 100, Reason.NOT_AN_IMAGE),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n", Reason.NOT_AN_IMAGE),
        (encoded(Image.new("RGB", (31, 400)), "PNG"), Reason.TOO_SMALL),
        (encoded(Image.new("1", (10_001, 10_000)), "PNG"), Reason.TOO_MANY_PIXELS),
        (encoded(Image.new("1", (20_000, 20_000)), "PNG"), Reason.TOO_MANY_PIXELS),
    ],
    ids=["empty", "text", "postscript", "small", "large", "bomb"],
)
def test_what_is_no_usable_picture_is_refused(data, reason):
    assert reason_of(data) == reason


def test_metadata_that_cannot_be_read_does_not_matter():
    image = smooth(120, 90)
    data = encoded(image, "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff nothing that makes sense")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_alike(Photo(data).pixels(), np.asarray(image))


sides = st.tuples(st.integers(32, 700), st.integers(32, 700))


@given(sides, st.lists(st.floats(0.01, 1.0), min_size=1, max_size=3), st.sampled_from([1, 6]))
def test_pixels_are_never_coarser_than_asked(size, scales, orientation):
    photo = Photo(with_orientation(Image.new("RGB", size), orientation))
    for scale in scales:
        height, width = photo.pixels(scale).shape[:2]
        assert photo.width * scale <= width <= photo.width
        assert photo.height * scale <= height <= photo.height


@given(sides, st.integers(1, 800), st.sampled_from([1, 8]))
def test_a_picture_within_a_side_keeps_its_shape(size, longest, orientation):
    photo = Photo(with_orientation(Image.new("RGB", size), orientation))
    height, width = photo.within(longest).shape[:2]
    assert max(width, height) <= min(longest, max(photo.width, photo.height))
    scale = max(width, height) / max(photo.width, photo.height)
    assert abs(width - photo.width * scale) <= 1 and abs(height - photo.height * scale) <= 1


@given(st.binary(max_size=300), st.integers(0, 400), st.sampled_from(["PNG", "HEIF", "WEBP", "TIFF"]))
def test_damaged_bytes_give_pixels_or_a_reason(noise, position, kind):
    data = encoded(smooth(64, 48), kind)
    data = data[:position] + noise + data[position + len(noise) :]
    try:
        pixels = Photo(data).pixels()
    except ImageRejected:
        return
    assert pixels.shape[2] == 3 and pixels.dtype == np.uint8
