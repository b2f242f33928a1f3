"""Group photos made of single ones, side by side, and whose face each of their faces is."""

from collections.abc import Sequence
from math import ceil, sqrt

import cv2
import numpy as np

from features.store import ImageFeatures
from preprocessor.types import Pixels

#: Pixels; side of a tile.
TILE = 250


def tiled(people: Sequence[Pixels]) -> Pixels:
    """RGB pixels of people side by side in rows, each in a tile; what is left of the last row is grey."""
    columns = _columns(len(people))
    rows = ceil(len(people) / columns)
    photo = np.full((rows * TILE, columns * TILE, 3), 128, np.uint8)
    for place, person in enumerate(people):
        row, column = divmod(place, columns)
        tile = cv2.resize(person, (TILE, TILE), interpolation=cv2.INTER_AREA)
        photo[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE] = tile
    return photo


def face_in_tile(image: ImageFeatures, people: int, place: int) -> int | None:
    """The index of the face nearest to the middle of the tile at ``place``, of a photo of so many people."""
    row, column = divmod(place, _columns(people))
    middle = np.array([column + 0.5, row + 0.5])
    centres = [(np.array(face.box[:2]) + face.box[2:]) / (2 * TILE) for face in image.faces]
    inside = [index for index, centre in enumerate(centres) if np.abs(centre - middle).max() < 0.5]
    return min(inside, key=lambda index: float(np.abs(centres[index] - middle).max()), default=None)


def _columns(people: int) -> int:
    return ceil(sqrt(people))
