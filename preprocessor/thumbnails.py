"""Small pictures of the faces in a picture."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from preprocessor.decoding import Photo
from preprocessor.types import Pixels

#: Pixels: the side of a thumbnail, sharp on a phone's screen at the half of it.
SIDE = 112
#: Sides of the face's box that a thumbnail shows: the hair and the chin belong to a face that one is to know.
_AROUND = 1.5
#: Of 95: a face is known by it, and takes some four kilobytes.
_QUALITY = 85


def thumbnails(picture: Path, boxes: Sequence[tuple[float, float, float, float]]) -> Iterator[bytes]:
    """A JPEG of ``SIDE`` pixels of each of a picture's faces, given by left, top, right and bottom in its pixels.

    Raises ``FileNotFoundError`` where the picture is gone, ``ImageRejected`` for one that cannot be decoded.
    """
    if not boxes:
        return
    photo = Photo(picture)
    smallest = min(min(right - left, bottom - top) for left, top, right, bottom in boxes)
    pixels = photo.pixels(min(1.0, SIDE / max(1.0, _AROUND * smallest)))
    scale = pixels.shape[1] / photo.width
    for box in boxes:
        yield _jpeg(_around(pixels, [side * scale for side in box]))


def _around(pixels: Pixels, box: Sequence[float]) -> Pixels:
    """The square around a box, within the picture."""
    (left, top, right, bottom), (height, width) = box, pixels.shape[:2]
    side = max(1, min(round(_AROUND * max(right - left, bottom - top)), width, height))
    x = min(max(round((left + right - side) / 2), 0), width - side)
    y = min(max(round((top + bottom - side) / 2), 0), height - side)
    return pixels[y : y + side, x : x + side]


def _jpeg(square: Pixels) -> bytes:
    shrinks = square.shape[0] > SIDE
    small = cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(small, np.uint8)).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
