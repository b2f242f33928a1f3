"""Drawn faces, for proofs that need faces where nobody's pictures were kept."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from preprocessor.types import Pixels


class _Ellipse(NamedTuple):
    """Middle and half sides in hundredths of a face's half width, and an RGB colour."""

    x: int
    y: int
    width: int
    height: int
    colour: tuple[int, int, int]


class _Place(NamedTuple):
    """Pixels of a face's middle and of its half width, and the degrees that it leans by."""

    x: int
    y: int
    half: int
    degrees: int


_SKIN, _SHADE, _DARK, _LIPS, _WHITE = (205, 160, 135), (170, 132, 112), (60, 45, 40), (165, 85, 80), (235, 230, 225)
#: From the back to the front. Without the outline or the mouth, dlib's detector hardly sees a face.
_FACE = (
    _Ellipse(0, -35, 120, 138, _DARK),
    _Ellipse(0, 0, 100, 135, _SKIN),
    *(
        part
        for side in (-1, 1)
        for part in (
            _Ellipse(side * 45, -18, 19, 9, _WHITE),
            _Ellipse(side * 45, -18, 9, 9, _DARK),
            _Ellipse(side * 45, -42, 26, 5, _DARK),
        )
    ),
    _Ellipse(0, 43, 19, 12, _SHADE),
    _Ellipse(0, 76, 38, 10, _LIPS),
)
#: Of different sizes, so that they are found in different scales of the detector's pyramid, and the
#: largest larger than a chip, so that it is cut out of a smaller picture.
_PLACES = (_Place(180, 250, 125, 0), _Place(480, 120, 50, 10), _Place(490, 340, 70, -15))
_SIZE = (640, 480)
_BACKGROUND = (120, 130, 140)
#: Times that a face is drawn larger than it will be: edges are smooth then.
_FINER = 4


def drawn_portraits() -> Pixels:
    """Three faces of different sizes and inclinations, uint8 (480, 640, 3) RGB."""
    picture = Image.new("RGB", _SIZE, _BACKGROUND)
    for place in _PLACES:
        face = _face(place)
        picture.paste(face, (place.x - face.width // 2, place.y - face.height // 2), face)
    return np.asarray(picture)


def _face(place: _Place) -> Image.Image:
    """A face on transparent ground, RGBA."""
    side = 4 * place.half
    large = Image.new("RGBA", (side * _FINER, side * _FINER), (*_BACKGROUND, 0))
    draw = ImageDraw.Draw(large)
    middle, unit = side * _FINER / 2, place.half * _FINER / 100
    for part in _FACE:
        left, top = middle + (part.x - part.width) * unit, middle + (part.y - part.height) * unit
        draw.ellipse((left, top, left + 2 * part.width * unit, top + 2 * part.height * unit), part.colour)
    turned = large.rotate(place.degrees, Image.Resampling.BILINEAR)
    return turned.resize((side, side), Image.Resampling.BOX)
