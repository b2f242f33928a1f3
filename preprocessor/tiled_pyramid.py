"""A picture at all its scales, laid out in one larger picture, as dlib's networks see it.

One pass over the large picture finds faces of every size. The layout matters to the last pixel:
a network's view reaches from one tile into the next.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

#: Colour planes (3, rows, columns).
Planes = npt.NDArray[np.float32]
#: Gives planes other rows and columns.
Resize = Callable[[Planes, int, int], Planes]

#: A scale's sides are five sixths of those of the scale before it: dlib's ``pyramid_down<6>``.
STEPS = 6
RATE = (STEPS - 1) / STEPS
#: Pixels between two tiles, and around all of them; dlib's defaults.
PADDING = 10
OUTER_PADDING = 11
#: Pixels; a scale with fewer rows is left out.
MIN_ROWS = 5
#: Pixels that a point moves right and down for each scale upwards, in dlib's mapping of rectangles.
SHIFT = 0.3


class Tile(NamedTuple):
    """Where a scale stands in the large picture."""

    left: int
    top: int
    columns: int
    rows: int


@dataclass(frozen=True)
class TiledPyramid:
    """The layout for pictures of one size."""

    rows: int
    columns: int
    tiles: tuple[Tile, ...]

    def paint(self, planes: Planes, resize: Resize, background: npt.ArrayLike) -> Planes:
        """The large picture (3, rows, columns) of a picture's planes, with ``background`` (3,) between the tiles."""
        large = np.empty((3, self.rows, self.columns), np.float32)
        large[:] = np.reshape(background, (3, 1, 1))
        for index, (left, top, columns, rows) in enumerate(self.tiles):
            # Each scale is made from the one before it, blurred as it is: the network was trained so.
            planes = resize(planes, rows, columns) if index else planes
            large[:, top : top + rows, left : left + columns] = planes
        return large

    def to_picture(self, centres: npt.NDArray[np.float64], window: tuple[int, int]) -> npt.NDArray[np.float64]:
        """Windows (width, height) around points of the large picture, in the small one's pixels.

        ``centres`` is (n, 2), x and y. Gives (n, 4): x and y of the first and of the last pixel
        (left, top, right, bottom). A window belongs to the tile that its centre is nearest to.
        """
        tiles = np.array(self.tiles, np.float64)
        first, last = tiles[:, :2], tiles[:, :2] + tiles[:, 2:] - 1
        outside = np.maximum(first - centres[:, None], 0) + np.maximum(centres[:, None] - last, 0)
        nearest = np.hypot(outside[..., 0], outside[..., 1]).argmin(axis=1)
        reach = (np.array(window) - 1) / 2
        corners = np.stack([centres - reach, centres + reach], axis=1) - first[nearest][:, None]
        # Scale by scale, as dlib does, not by powers: so that halves are rounded to the same side.
        for level in range(nearest.max(initial=0)):
            smaller = nearest > level
            corners[smaller] = corners[smaller] * (STEPS / (STEPS - 1)) + SHIFT
        mapped: npt.NDArray[np.float64] = corners.reshape(-1, 4)
        return mapped


def tiled_pyramid(rows: int, columns: int) -> TiledPyramid:
    """dlib's layout for a picture of these sides.

    The scales go down a first column from the largest, and then up a second one at the right,
    from where they fit beside the first column and the rest is no higher than it is already.
    Scales that would reach into the largest are left out.
    """
    sides = _scales(rows, columns)
    count, height = _first_column(sides)
    tiles = []
    top = OUTER_PADDING
    for scale_rows, scale_columns in sides[:count]:
        tiles.append(Tile(OUTER_PADDING, top, scale_columns, scale_rows))
        top += scale_rows + PADDING
    bottom = top - PADDING
    for scale_rows, scale_columns in sides[count:]:
        tile = Tile(OUTER_PADDING + columns - scale_columns, bottom - scale_rows, scale_columns, scale_rows)
        if tile.top < OUTER_PADDING + rows:
            break
        tiles.append(tile)
        bottom -= scale_rows + PADDING
    return TiledPyramid(height + 2 * OUTER_PADDING, columns + 2 * OUTER_PADDING, tuple(tiles))


def _scales(rows: int, columns: int) -> list[tuple[int, int]]:
    sides = [(rows, columns)]
    while True:
        rows, columns = int(RATE * rows), int(RATE * columns)
        if rows < MIN_ROWS or columns == 0:
            return sides
        sides.append((rows, columns))


def _first_column(sides: list[tuple[int, int]]) -> tuple[int, int]:
    """How many scales stand in the first column, and its height in pixels."""
    rows, columns = sides[0]
    total = sum(scale_rows + PADDING for scale_rows, _ in sides) - 2 * PADDING
    height = before = 0
    for count, (scale_rows, scale_columns) in enumerate(sides):
        if scale_columns <= columns - before - PADDING and (height - rows) * 2 >= total - rows:
            return count, height - PADDING
        height += scale_rows + PADDING
        before = scale_columns
    return len(sides), height - PADDING
