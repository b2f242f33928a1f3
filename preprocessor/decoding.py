"""From a picture's bytes to RGB pixels as a person sees them."""

import io
import warnings
from collections.abc import Callable
from math import ceil
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from constants.reasons import Reason
from preprocessor.cut_jpeg import JPEGS, ended, whole_share
from preprocessor.free_memory import return_free_memory
from preprocessor.media_formats import opened, refusing_damage, rejected
from preprocessor.types import Box, Pixels

#: Pixels that are brought to RGB at a time: Pillow keeps four bytes of each, and needs several copies on the way.
_BAND_PIXELS = 1 << 20
#: Pixels of a picture for which freed memory is given back first: so that not both are held. It takes milliseconds.
_LARGE_PIXELS = 25_000_000

#: The EXIF tag of orientation, and its values that exchange width and height.
_ORIENTATION = 274
_TURNED = (5, 6, 7, 8)
#: For each of its values a view of upright pixels: as they are stored.
_AS_STORED: dict[int | None, Callable[[Pixels], Pixels]] = {
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: upright.swapaxes(0, 1)[::-1],
    7: lambda upright: upright.swapaxes(0, 1)[::-1, ::-1],
    8: lambda upright: upright.swapaxes(0, 1)[:, ::-1],
}
#: Where the last stored row is in upright pixels: below, if it is not said here.
_LAST_ROW: dict[int | None, str] = {3: "above", 4: "above", 5: "right", 6: "left", 7: "left", 8: "right"}


class Photo:
    """One picture, given by its bytes or its path, decoded as finely as asked.

    ``width`` and ``height`` are its sides in pixels after EXIF orientation. ``whole`` is the part of it that is known,
    all but where a JPEG that is decoded turns out to lack its last bytes. Of a file with several pictures, such as an
    animation's frames, it is the first, and ``first_of_several`` says so. Raises ``ImageRejected`` for what is not a
    picture, or one too small or too large, and ``FileNotFoundError`` where nothing is at the path any more.
    """

    def __init__(self, source: bytes | Path) -> None:
        self._source = source
        self._finest: Pixels | None = None
        with _opened(source) as image, refusing_damage():
            self._format = image.format
            self.first_of_several = is_first_of_several(image)
            if image.format == "PNG":
                image.load()  # its orientation may stand behind the pixels
            # Pillow gives a TIFF as a person sees it, all else as it is stored.
            self._orientation = None if image.format == "TIFF" else orientation(image)
            width, height = image.size
            self.width, self.height = (height, width) if self._orientation in _TURNED else (width, height)
            self.whole = Box(0, 0, self.width, self.height)
            if image.format == "PNG":
                self._finest = self._upright(image)

    def pixels(self, scale: float = 1.0) -> Pixels:
        """RGB pixels, shape (h, w, 3) uint8, at ``scale`` or a finer one that costs less.

        A JPEG is decoded at 1/2, 1/4 or 1/8 of its size where that suffices, which skips most of the
        work; other formats are always decoded whole. Raises ``ImageRejected`` for damaged content.
        """
        rows, columns = self._finest.shape[:2] if self._finest is not None else (0, 0)
        if self._finest is None or rows < self.height * scale or columns < self.width * scale:
            with refusing_damage(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow warns of odd metadata; the pixels decide
                self._finest = self._decoded(scale)
        return self._finest

    def within(self, longest_side: int) -> Pixels:
        """RGB pixels of the picture made so small that its longest side is at most ``longest_side``."""
        scale = longest_side / max(self.width, self.height)
        if scale >= 1:
            return self.pixels()
        size = max(1, round(self.width * scale)), max(1, round(self.height * scale))
        return np.asarray(cv2.resize(self.pixels(scale), size, interpolation=cv2.INTER_AREA), np.uint8)

    @property
    def is_cut(self) -> bool:
        """Whether its last bytes are missing, as far as it was decoded."""
        return self.whole != Box(0, 0, self.width, self.height)

    def is_whole(self, box: Box) -> bool:
        """Whether all of what a box shows of the picture is known."""
        shown, whole = box.within(self.width, self.height), self.whole
        return (
            whole.left <= shown.left
            and whole.top <= shown.top
            and shown.right <= whole.right
            and shown.bottom <= whole.bottom
        )

    def _decoded(self, scale: float) -> Pixels:
        if self._format == "WEBP":
            return self._upright(_decoded_webp(self._source))
        try:
            return self._drafted(self._source, scale)
        except OSError as error:
            if self._format not in JPEGS or error.errno is not None:
                raise
            pixels = self._drafted(ended(self._source), scale)
        share = whole_share(_AS_STORED.get(self._orientation, _as_it_is)(pixels), pixels.shape[1] / self.width)
        self.whole = self._first_rows(share)
        return pixels

    def _drafted(self, source: bytes | Path, scale: float) -> Pixels:
        with _opened(source) as image:
            image.draft(None, (ceil(image.width * scale), ceil(image.height * scale)))
            image.load()
            return self._upright(image)

    def _first_rows(self, share: float) -> Box:
        """What a share of the rows, the first that are stored, shows of the picture."""
        match _LAST_ROW.get(self._orientation):
            case "above":
                return Box(0, self.height * (1 - share), self.width, self.height)
            case "left":
                return Box(self.width * (1 - share), 0, self.width, self.height)
            case "right":
                return Box(0, 0, self.width * share, self.height)
        return Box(0, 0, self.width, self.height * share)

    def _upright(self, image: Image.Image) -> Pixels:
        """RGB pixels of a decoded picture as a person sees it, brought over band by band."""
        width, height = image.size
        upright = np.empty((width, height, 3) if self._orientation in _TURNED else (height, width, 3), np.uint8)
        stored = _AS_STORED.get(self._orientation, _as_it_is)(upright)
        rows = max(1, _BAND_PIXELS // width)
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            stored[top:bottom] = np.asarray(_rgb(image.crop((0, top, width, bottom))))
        return upright


def _opened(source: bytes | Path) -> Image.Image:
    image = opened(io.BytesIO(source) if isinstance(source, bytes) else source)
    if image.width * image.height > _LARGE_PIXELS:
        return_free_memory()
    return image


def orientation(image: Image.Image) -> int | None:
    """How a picture is held, as EXIF or XMP says it, 1 to 8; None where nothing is said."""
    try:
        return image.getexif().get(_ORIENTATION)
    except Exception:  # unreadable metadata says nothing; whether the pixels can be read is another question
        return None


def is_first_of_several(image: Image.Image) -> bool:
    """Whether the file of a picture that is not yet decoded has others that a person would look at, too."""
    if image.format == "MPO":  # what a camera puts behind its JPEG: a smaller copy, depth, the other eye's picture
        return False
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # what comes after the first picture is damaged, and nobody looks at it
        return False


def _as_it_is(upright: Pixels) -> Pixels:
    return upright


def _decoded_webp(source: bytes | Path) -> Image.Image:
    """A WebP picture by OpenCV: the same library gives the same pixels, while Pillow makes four copies of them."""
    content = np.frombuffer(source if isinstance(source, bytes) else source.read_bytes(), np.uint8)
    pixels = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise rejected(Reason.DAMAGED_IMAGE)
    to_rgb = cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    return Image.fromarray(cv2.cvtColor(pixels, to_rgb, pixels))


def _rgb(image: Image.Image) -> Image.Image:
    """The picture as RGB, with transparent parts on white, and 16-bit grey brought to 8 bits."""
    if image.mode == "I" or image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image, np.int64).clip(0, 65535) // 257).astype(np.uint8))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return image.convert("RGB")
