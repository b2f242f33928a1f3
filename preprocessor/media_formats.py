"""Which files are pictures: read from the header alone, so that web processes can ask."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pi_heif import register_heif_opener
from PIL import AvifImagePlugin, Image, UnidentifiedImageError

from constants.exceptions import ImageRejected
from constants.machine_faults import is_fault_of_system
from constants.reasons import Reason

#: Pixels; a picture with a shorter side than this cannot hold a face that any detector finds.
_MIN_IMAGE_SIDE = 32
#: Megapixels; 100 is above every phone's largest photo and below what would exhaust a worker.
_MAX_IMAGE_MEGAPIXELS = 100

#: The decoders that untrusted bytes may reach.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "HEIF")

#: Formats whose headers take no decoder, how they begin, and bytes within which a usual header ends.
_PLAIN_FORMATS, _PLAIN_STARTS, _PLAIN_BYTES = ("JPEG", "PNG"), (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"), 1 << 20

#: How the pictures that are kept begin, and what each is sent as; a WebP has its length in between.
_KEPT_TYPES = {b"\xff\xd8": "image/jpeg", b"\x89P": "image/png", b"RI": "image/webp"}

#: How MP4 and QuickTime begin after four bytes, and HEIC and AVIF, which then name one of these brands.
_ISO_MEDIA = b"ftyp"
_PICTURE_BRANDS = tuple(b"heic heix heim heis hevc hevx hevm hevs mif1 msf1 avif avis".split())
#: How WebM begins.
_MATROSKA = b"\x1aE\xdf\xa3"
#: How AVI begins, and goes on after eight bytes.
_AVI = (b"RIFF", b"AVI ")


def opened(file: BinaryIO | Path) -> Image.Image:
    """The picture in ``file``, its pixels not yet decoded.

    Raises ``ImageRejected`` where it is empty, not a picture, or has too few or too many pixels.
    """
    _set_up_decoders()
    with refusing_damage(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own limit of pixels only warns; ours is below
        try:
            image = Image.open(file, formats=FORMATS)
        except UnidentifiedImageError as error:
            raise rejected(Reason.EMPTY_FILE if _is_empty(file) else Reason.NOT_AN_IMAGE) from error
        except Image.DecompressionBombError as error:
            raise rejected(Reason.TOO_MANY_PIXELS) from error
    reason = unfit(image.width, image.height)
    if reason is not None:
        image.close()
        raise rejected(reason)
    return image


def is_plainly_usable(path: Path) -> bool:
    """Whether the beginning of a file alone shows a JPEG or PNG of a usable size; of other files nothing is said.

    The headers of these two are read by Pillow in Python: no decoder sees them, and memory does not grow with the file.
    """
    with path.open("rb") as file:
        start = file.read(_PLAIN_BYTES)
    if not start.startswith(_PLAIN_STARTS):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(start), formats=_PLAIN_FORMATS) as image:
                return unfit(image.width, image.height) is None
    except Exception:  # whatever it is, it is not plain
        return False


@contextmanager
def refusing_damage() -> Iterator[None]:
    """Make of whatever a decoder raises over arbitrary bytes an ``ImageRejected`` that says that they are damaged.

    What is not the bytes' fault passes: no memory, a disk that fails, a file that was deleted meanwhile.
    """
    try:
        yield
    except ImageRejected:
        raise
    except Exception as error:
        if is_fault_of_system(error) or isinstance(error, FileNotFoundError):
            raise
        raise rejected(Reason.DAMAGED_IMAGE) from error


def is_video(path: Path) -> bool:
    """Whether a file begins as an MP4, QuickTime, WebM or AVI video does."""
    with path.open("rb") as file:
        start = file.read(12)
    if start[4:8] == _ISO_MEDIA:
        return start[8:12] not in _PICTURE_BRANDS
    return start.startswith(_MATROSKA) or (start[:4], start[8:12]) == _AVI


def kept_media_type(file: BinaryIO) -> str:
    """What a picture is sent as that a build keeps, or a thumbnail: see ``bare_pictures.py`` for which there are."""
    start = file.read(2)
    file.seek(0)
    return _KEPT_TYPES.get(start, "application/octet-stream")


def rejected(reason: Reason) -> ImageRejected:
    """The exception that says ``reason`` in its usual words."""
    return ImageRejected(reason, reason.message)


def unfit(width: int, height: int) -> Reason | None:
    """Why a picture of so many pixels is not taken, if it is not."""
    if width * height > _MAX_IMAGE_MEGAPIXELS * 1_000_000:
        return Reason.TOO_MANY_PIXELS
    return Reason.TOO_SMALL if min(width, height) < _MIN_IMAGE_SIDE else None


def _set_up_decoders() -> None:
    """Let Pillow read HEIC, never from an embedded thumbnail, which proves nothing; HEIC and AVIF in one thread.

    For each picture anew: other libraries of the process, such as imageio, may have put a reader of their own in place.
    """
    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def _is_empty(file: BinaryIO | Path) -> bool:
    return file.stat().st_size == 0 if isinstance(file, Path) else file.seek(0, 2) == 0
