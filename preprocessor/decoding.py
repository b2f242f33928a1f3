"""From a picture's bytes to RGB pixels as a person sees them."""

import io
import warnings
from math import ceil

import cv2
import numpy as np
from PIL import Image, ImageOps

from constants.reasons import Reason
from preprocessor.media_formats import opened, rejected
from preprocessor.types import Pixels

#: The EXIF tag of orientation, and its values that exchange width and height.
_ORIENTATION = 274
_TURNED = (5, 6, 7, 8)


class Photo:
    """One picture, decoded as finely as asked.

    ``width`` and ``height`` are its sides in pixels after EXIF orientation. Raises
    ``ImageRejected`` for bytes that are not a picture, or one too small or too large.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._finest: Pixels | None = None
        with opened(io.BytesIO(data)) as image:
            width, height = image.size
            # Pillow gives the sides of a TIFF as a person sees them, those of all else as they are stored.
            turned = image.format != "TIFF" and orientation(image) in _TURNED
        self.width, self.height = (height, width) if turned else (width, height)

    def pixels(self, scale: float = 1.0) -> Pixels:
        """RGB pixels, shape (h, w, 3) uint8, at ``scale`` or a finer one that costs less.

        A JPEG is decoded at 1/2, 1/4 or 1/8 of its size where that suffices, which skips most of the
        work; other formats are always decoded whole. Raises ``ImageRejected`` for damaged content.
        """
        if self._finest is None or self._finest.shape[1] < self.width * scale:
            self._finest = self._decoded(scale)
        return self._finest

    def within(self, longest_side: int) -> Pixels:
        """RGB pixels of the picture made so small that its longest side is at most ``longest_side``."""
        scale = longest_side / max(self.width, self.height)
        if scale >= 1:
            return self.pixels()
        size = max(1, round(self.width * scale)), max(1, round(self.height * scale))
        return np.asarray(cv2.resize(self.pixels(scale), size, interpolation=cv2.INTER_AREA), np.uint8)

    def _decoded(self, scale: float) -> Pixels:
        with opened(io.BytesIO(self._data)) as image:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # Pillow warns of odd metadata; the pixels decide
                    image.draft(None, (ceil(image.width * scale), ceil(image.height * scale)))
                    ImageOps.exif_transpose(image, in_place=True)
                    flat = _flattened(image)
                    # A copy of a large picture takes time and memory, and ``convert`` always makes one.
                    return np.asarray(flat if flat.mode == "RGB" else flat.convert("RGB"))
            except Exception as error:  # decoders of damaged files raise anything
                raise rejected(Reason.DAMAGED_IMAGE) from error


def orientation(image: Image.Image) -> int | None:
    """How a picture is held, as EXIF or XMP says it, 1 to 8; None where nothing is said."""
    try:
        return image.getexif().get(_ORIENTATION)
    except Exception:  # unreadable metadata says nothing; whether the pixels can be read is another question
        return None


def _flattened(image: Image.Image) -> Image.Image:
    """The picture with transparent parts on white, and 16-bit grey brought to 8 bits."""
    if image.mode == "I" or image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image, np.int64).clip(0, 65535) // 257).astype(np.uint8))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return image
