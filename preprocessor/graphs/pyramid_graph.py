"""The tiled pyramid of ``tiled_pyramid`` for pictures of any size, as part of an ONNX graph."""

from typing import NamedTuple

import numpy as np

from preprocessor.graphs.expression import (
    Expression,
    Gathered,
    concatenated,
    constant,
    counted,
    maximum,
    minimum,
    stacked,
    where,
)
from preprocessor.graphs.loop import Turn, loop
from preprocessor.graphs.mmod_graph import add_resize
from preprocessor.tiled_pyramid import MIN_ROWS, OUTER_PADDING, PADDING, RATE, SHIFT, STEPS


class Layout(NamedTuple):
    """Where the scales of a picture stand in the large one, all int64.

    ``tiles`` is (n, 4): left, top, columns and rows of each. ``first`` (1,) says how many of them are in the
    first column. ``sides`` (2,) are the rows and columns of the large picture.
    """

    tiles: Expression
    first: Expression
    sides: Expression


def add_layout(sides: Expression, least: int) -> Layout:
    """The layout for a picture of some rows and columns, int64 (2,); see ``tiled_pyramid.tiled_pyramid``.

    The large picture has room to spare where it would have fewer than ``least`` rows or columns.
    """
    scales = _scales(sides)
    rows, columns = scales.take(0, axis=1), scales.take(1, axis=1)
    largest_rows, largest_columns = sides.take([0]), sides.take([1])
    stride = rows + PADDING
    below = stride.apply("CumSum", constant(sides.builder, 0, np.int64))
    above = below - stride
    count = columns.shape()

    narrower = concatenated([np.zeros(1), columns.part([0], count - 1)])
    fits = largest_columns - PADDING - narrower >= columns
    half = (above - largest_rows) * 2 >= stride.sum() - 2 * PADDING - largest_rows
    beside = concatenated([(fits & half).to(np.int32), np.ones(1)])
    first = beside.apply("ArgMax", dtype=np.int64, axis=0, keepdims=1)

    height = concatenated([np.zeros(1), below]).take(first) - PADDING
    in_first = counted(count) < first
    top = where(in_first, above + OUTER_PADDING, height * 2 + OUTER_PADDING + 2 * PADDING - below)
    left = where(in_first, OUTER_PADDING, largest_columns + OUTER_PADDING - columns)
    kept = (in_first | (top >= largest_rows + OUTER_PADDING)).to(np.int64).sum().reshaped(1)
    return Layout(
        stacked([left, top, columns, rows], axis=1).part([0], kept),
        first,
        maximum(concatenated([height, largest_columns]) + 2 * OUTER_PADDING, least),
    )


def _scales(sides: Expression) -> Expression:
    """Rows and columns of every scale, int64 (n, 2)."""

    def body(_: Expression, size: Expression) -> Turn:
        smaller = (size.to(np.float64) * RATE).to(np.int64)
        enough = (smaller >= (MIN_ROWS, 1)).to(np.int64).apply("ReduceMin", keepdims=0) > 0
        return Turn([smaller], [(size, (2,))], enough)

    return loop(sides.builder, body, [sides])[1]


def add_painting(planes: Expression, layout: Layout) -> Expression:
    """The large picture, (1, 3, rows, columns), of planes (1, 3, rows, columns), with zeros between the tiles.

    Each column of tiles is put together as a picture of its own, as large as the whole, and these are
    added up: in a graph, nothing can be written into a picture that is there.
    """
    margins = _margins(layout)

    def body(number: Expression, planes: Expression, columns: Gathered) -> Turn:
        tile = layout.tiles.take(number)
        # Each scale is made from the one before it, blurred as it is: the network was trained so.
        sides = concatenated([(1, 3), tile.take([3, 2])])
        planes = add_resize(planes, sides)
        padded = planes.apply("Pad", margins.take(number))
        # The second column goes up: its tiles come after the first column, the last one first.
        return Turn([planes, columns.insert(padded, minimum(number, layout.first.reshaped()))])

    trips = layout.tiles.shape(end=1).reshaped()
    _, columns = loop(planes.builder, body, [planes, Gathered.empty(planes.builder, np.float32)], trips)
    assert isinstance(columns, Gathered)
    shape = concatenated([(3, -1), layout.sides])
    return stacked([columns.joined(axis=2).apply("Reshape", shape).sum(1)])


def _margins(layout: Layout) -> Expression:
    """Zeros around each tile, int64 (n, 8) as ONNX's Pad takes them, so that a column's tiles fill it."""
    left, top, columns, rows = (layout.tiles.take(index, axis=1) for index in range(4))
    number, count = counted(left.shape()), left.shape()
    height, width = layout.sides.take([0]), layout.sides.take([1])
    highest = (number < 1) | ((number >= count - 1) & (number >= layout.first))
    lowest = (number >= layout.first - 1) & (number <= layout.first)
    above = where(highest, top, 0)
    below = where(lowest, height - top - rows, PADDING)
    zero = top * 0
    return stacked([zero, zero, above, left, zero, zero, below, width - left - columns], axis=1)


def add_way_back(centres: Expression, tiles: Expression, window: tuple[int, int]) -> Expression:
    """Windows around points of the large picture in the small one's pixels; see ``TiledPyramid.to_picture``.

    ``centres`` is float64 (n, 2), x and y; the result is float64 (n, 4).
    """
    wide = tiles.to(np.float64)
    first = wide.part([0], [2], 1)
    last = first + wide.part([2], [4], 1) - 1.0
    points = centres.reshaped(-1, 1, 2)
    outside = maximum(first - points, 0.0) + maximum(points - last, 0.0)
    nearest = (outside * outside).sum(2).apply("ArgMin", dtype=np.int64, axis=1, keepdims=0)
    reach = (np.array(window) - 1) / 2
    corner = first.take(nearest)
    corners = concatenated([centres - reach - corner, centres + reach - corner], axis=1)
    levels = nearest.reshaped(-1, 1)

    def body(level: Expression, corners: Expression) -> Turn:
        # Scale by scale, as dlib does, not by powers: so that halves are rounded to the same side.
        return Turn([where(levels > level, corners * (STEPS / (STEPS - 1)) + SHIFT, corners)])

    return loop(centres.builder, body, [corners], tiles.shape(end=1).reshaped())[0]
