"""Group photos composed of faces of known sizes on photographs of places and things, with where each face is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module

import cv2
import numpy as np
from numpy.random import Generator

from preprocessor.types import Box, Floats, Pixels

#: Photographs without anybody, by the libraries that ship them and their names there.
_BACKGROUNDS = {
    "skimage.data": ("chelsea", "coffee", "rocket", "hubble_deep_field", "immunohistochemistry"),
    "sklearn.datasets": ("china.jpg", "flower.jpg"),
}
#: Rows and columns of a collage.
SIDES = (768, 1024)
#: The box of a face in a picture of LFW, of 250x250 pixels: the median of HOG's.
_FACE = Box(74, 82, 180, 188)
#: What is cut out of such a picture, as an ellipse: head and neck. Half of its sides, in sides of the face.
_REACH = (0.85, 1.05)
#: Share of the way from the ellipse's edge to its middle over which a face fades into the background.
_FADING = 0.15
#: How often a place is looked for that no other face has.
_TRIES = 30


@dataclass(frozen=True)
class Collage:
    """A picture, and the boxes of the faces in it."""

    picture: Pixels
    faces: tuple[Box, ...]


def collages(people: Sequence[Pixels], count: int, faces: int, sides: tuple[int, int], rng: Generator) -> list[Collage]:
    """``count`` collages of up to ``faces`` faces each, whose sides are between two numbers of pixels.

    ``people`` are pictures as LFW has them, 250x250 pixels, each used once and then again from the first. Small sizes
    are as frequent as large ones: each doubling is.
    """
    backgrounds = list(_backgrounds())
    composed = []
    for number in range(count):
        some = [people[(number * faces + place) % len(people)] for place in range(faces)]
        background = backgrounds[number % len(backgrounds)]
        composed.append(_composed(_filled(background, rng), some, sides, rng))
    return composed


def _backgrounds() -> Iterator[Pixels]:
    skimage, sklearn = (import_module(name) for name in _BACKGROUNDS)
    for name in _BACKGROUNDS["skimage.data"]:
        yield getattr(skimage, name)()
    for name in _BACKGROUNDS["sklearn.datasets"]:
        yield sklearn.load_sample_image(name)


def _filled(background: Pixels, rng: Generator) -> Pixels:
    """A part of a background, as it is or its mirror image, as large as a collage."""
    rows, columns = SIDES
    scale = max(rows / background.shape[0], columns / background.shape[1]) * rng.uniform(1.0, 1.5)
    large = cv2.resize(background, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    top, left = (int(rng.integers(side - wanted + 1)) for side, wanted in zip(large.shape, SIDES, strict=False))
    part = large[top : top + rows, left : left + columns]
    return np.array(part[:, ::-1] if rng.random() < 0.5 else part, np.uint8)


def _composed(picture: Pixels, people: Sequence[Pixels], sides: tuple[int, int], rng: Generator) -> Collage:
    heads: list[Box] = []
    faces = []
    smallest, largest = np.log(sides)
    for side in sorted(np.exp(rng.uniform(smallest, largest, len(people))), reverse=True):
        width, height = (2 * reach * side for reach in _REACH)
        for _ in range(_TRIES):
            left, top = rng.uniform(0, picture.shape[1] - width), rng.uniform(0, picture.shape[0] - height)
            head = Box(left, top, left + width, top + height)
            if not any(_overlap(head, other) for other in heads):
                faces.append(_pasted(picture, people[len(heads)], head, side))
                heads.append(head)
                break
    return Collage(picture, tuple(faces))


def _pasted(picture: Pixels, person: Pixels, head: Box, side: float) -> Box:
    """Puts a person's head into a picture, and returns the box of its face."""
    rows, columns = round(head.height), round(head.width)
    top, left = int(head.top), int(head.left)
    centre = (_FACE.left + _FACE.right) / 2, (_FACE.top + _FACE.bottom) / 2
    cut = cv2.getRectSubPix(person, (round(2 * _REACH[0] * _FACE.width), round(2 * _REACH[1] * _FACE.width)), centre)
    smaller = rows < cut.shape[0]
    cut = cv2.resize(cut, (columns, rows), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    target = picture[top : top + rows, left : left + columns]
    share = _ellipse(*target.shape[:2])
    target[:] = np.round(cut[: target.shape[0], : target.shape[1]] * share + target * (1 - share))
    middle = left + columns / 2, top + rows / 2
    return Box(middle[0] - side / 2, middle[1] - side / 2, middle[0] + side / 2, middle[1] + side / 2)


def _ellipse(rows: int, columns: int) -> Floats:
    """How much of a head is seen at each pixel, 0 to 1, (rows, columns, 1)."""
    y, x = (2 * (np.arange(count) + 0.5) / count - 1 for count in (rows, columns))
    inwards = 1 - np.hypot(*np.meshgrid(x, y))
    share: Floats = np.clip(inwards / _FADING, 0, 1)[..., None]
    return share


def _overlap(first: Box, second: Box) -> bool:
    return (
        first.left < second.right
        and second.left < first.right
        and first.top < second.bottom
        and second.top < first.bottom
    )
