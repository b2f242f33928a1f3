"""Which files are pictures: read from the header alone, so that web processes can ask."""

import warnings
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from constants.exceptions import ImageRejected
from constants.faces import MAX_IMAGE_MEGAPIXELS, MIN_IMAGE_SIDE
from constants.reasons import Reason

#: The decoders that untrusted bytes may reach.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")


def opened(file: BinaryIO | Path) -> Image.Image:
    """The picture in ``file``, its pixels not yet decoded.

    Raises ``ImageRejected`` where it is empty, not a picture, or has too few or too many pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own limit of pixels only warns; ours is below
            image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise rejected(Reason.EMPTY_FILE if _is_empty(file) else Reason.NOT_AN_IMAGE) from error
    except Image.DecompressionBombError as error:
        raise rejected(Reason.TOO_MANY_PIXELS) from error
    except Exception as error:  # a parser that stumbles over arbitrary bytes raises anything
        raise rejected(Reason.DAMAGED_IMAGE) from error
    reason = _unfit(image.width, image.height)
    if reason is not None:
        image.close()
        raise rejected(reason)
    return image


def rejected(reason: Reason) -> ImageRejected:
    """The exception that says ``reason`` in its usual words."""
    return ImageRejected(reason, reason.message)


def _unfit(width: int, height: int) -> Reason | None:
    if width * height > MAX_IMAGE_MEGAPIXELS * 1_000_000:
        return Reason.TOO_MANY_PIXELS
    return Reason.TOO_SMALL if min(width, height) < MIN_IMAGE_SIDE else None


def _is_empty(file: BinaryIO | Path) -> bool:
    return file.stat().st_size == 0 if isinstance(file, Path) else file.seek(0, 2) == 0
