"""Where dlib's frontal face detector may find a face, cheaply, as part of an ONNX graph.

As in the cascades of Felzenszwalb, Girshick and McAllester (2010), the same filters first see features that cost less:
on cells of four pixels, for faces of 80 in a picture of half the size; a pixel counts for the cell alone that it is in,
and a cell has 8 numbers in place of 31. All scales' cells lie in one grid, so that what follows is done once.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from preprocessor.dlib_files.fhog_format import FEATURES, FhogDetector
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
    zeros,
)
from preprocessor.graphs.fhog_graph import EPSILON, HALF, HIGHEST, add_gradients, feature_sums
from preprocessor.graphs.gradient_tables import DIRECTIONS, GradientTables
from preprocessor.graphs.loop import Turn, loop
from preprocessor.hog_detector import LIMIT
from preprocessor.tiled_pyramid import STEPS

#: Pixels of a cell's side.
_CELL = 4
#: Numbers of a cell that the filters see here, instead of 31.
_CHANNELS = 8
#: How alike lengths are whose directions are a step apart, and what is added to it for opposite ones.
_CORRELATION, _SIGNLESS = 0.6, 0.3
#: How much lower than the detector's limit scores may be here.
_MARGIN = 1.5
#: Left out is what overlaps a window by this share whose score is higher by so much: less, and the scale is missed at
#: which a face has its best score by dlib's own features.
_SAME_IOU, _WORSE = 0.4, 1.1
#: The most windows that are compared with each other, which takes memory as their square.
_MOST = 1024
#: Cells between two scales.
_GAP = 4
#: Scales of the first column.
_FIRST = 4
#: Side of the squares of scores that the filters give at once, as channels.
_BLOCK = 3
#: Cells before a filter's window that lie outside of the picture at most.
_BEFORE = 4

#: Cells of a window's side.
_WINDOW = 10
#: How scales are resized here: not to dlib's pixel, but in one step.
_BETWEEN_PIXELS: dict[str, Any] = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}


class _Grid(NamedTuple):
    """Where scales stand in a grid, in cells, int64: their first row and column, and their sides, (n, 2).

    ``whole`` are the grid's own rows and columns, (2,).
    """

    first: Expression
    sides: Expression
    whole: Expression


def add_proposals(
    picture: Expression, scales: Expression, detector: FhogDetector, tables: GradientTables
) -> Expression:
    """Windows that may be a face's, int64 (n, 3): scale, and the row and column of the first cell.

    ``picture`` is float32 (rows, columns), ``scales`` int64 (n, 2) are its sides.
    """
    reduction = detector.cell // _CELL
    sides = scales / reduction
    grid = _laid_out((sides + _CELL // 2) / _CELL)
    histograms = _histograms(_reduced(picture, reduction), sides, grid, tables)
    return _peaks(_scores(histograms, detector), grid)


def _reduced(picture: Expression, reduction: int) -> Expression:
    """A picture with sides that are smaller by a whole factor."""
    if reduction == 1:
        return picture
    axes = constant(picture.builder, (0, 1), np.int64)
    side = [reduction, reduction]
    return picture.apply("Unsqueeze", axes).apply("AveragePool", kernel_shape=side, strides=side).apply("Squeeze", axes)


def _laid_out(cells: Expression) -> _Grid:
    """A place for every scale, of so many rows and columns of cells, (n, 2).

    The first scales go down a column, the others up at the right. As each is 5/6 of the one before, these are no higher
    together, and nowhere do they need more than a seventh of the first one's width beyond it.
    """
    number = counted(cells.shape(end=1))
    in_first = number < _FIRST
    rows, columns = cells.take(0, axis=1) + _GAP, cells.take(1, axis=1) + _GAP
    below = rows.apply("CumSum", constant(cells.builder, 0, np.int64))
    height = where(in_first, rows, 0).sum(keepdims=True)
    width = columns.part([0], [1]) * 8 / 7 + 1
    top = where(in_first, below - rows, height * 2 - below)
    left = where(in_first, 0, width - columns)
    return _Grid(stacked([top, left], axis=1) + 1, cells, concatenated([height, width]) + 1)


def _histograms(picture: Expression, sides: Expression, grid: _Grid, tables: GradientTables) -> Expression:
    """Gradients' lengths by direction, float32 (1, 18, rows, columns) of the grid; a pixel counts for its own cell."""
    builder = picture.builder
    stride = grid.whole.take([1])
    row_places, column_places = ((counted(sides.take(0).take([axis])) + 1) / _CELL * DIRECTIONS for axis in (0, 1))
    places = (row_places.reshaped(-1, 1) * stride + column_places).to(np.int32)
    first = ((grid.first.take(0, axis=1) * stride + grid.first.take(1, axis=1)) * DIRECTIONS).to(np.int32)
    next_sides = concatenated([sides.part([1], [1 << 30]), sides.part([-1], [1 << 30])])
    axes = constant(builder, (0, 1), np.int64)

    def body(number: Expression, picture: Expression, gradients: Gathered, bins: Gathered) -> Turn:
        found = add_gradients((picture + 0.5).to(np.int32))
        cells = places.apply("Slice", constant(builder, (0, 0), np.int64), found.shape()) + first.take(number)
        wanted = concatenated([(1, 1), next_sides.take(number)])
        planes = picture.apply("Unsqueeze", axes).apply("Resize", None, None, wanted, **_BETWEEN_PIXELS)
        smaller = planes.apply("Squeeze", axes)
        return Turn([smaller, gradients.insert(found.reshaped(-1), number), bins.insert(cells.reshaped(-1), number)])

    empty = Gathered.empty(builder, np.int32)
    _, gradients, bins = loop(builder, body, [picture, empty, empty], sides.shape(end=1).reshaped())
    assert isinstance(gradients, Gathered)
    assert isinstance(bins, Gathered)
    lengths, directions = tables.looked_up(gradients.joined(axis=0))
    shape = concatenated([grid.whole, (DIRECTIONS,)])
    sums = zeros(shape).apply("ScatterElements", bins.joined(axis=0) + directions, lengths, reduction="add", axis=0)
    return stacked([sums.apply("Reshape", shape).apply("Transpose", perm=(2, 0, 1))])


def _normalized(histograms: Expression) -> Expression:
    """Lengths over those around, float32 (1, 18, rows - 2, columns - 2): over one mean of them instead of four."""
    signless = histograms.part([0], [DIRECTIONS // 2], 1) + histograms.part([DIRECTIONS // 2], [DIRECTIONS], 1)
    weights = np.outer((1, 2, 1), (1, 2, 1))[None, None] / 4
    energy = signless.apply("ReduceSumSquare", axes=[1]).apply("Conv", weights)
    inner = histograms.apply(
        "Slice", *(constant(histograms.builder, pair, np.int64) for pair in ((1, 1), (-1, -1), (2, 3)))
    )
    return minimum(inner * (HALF / (energy + EPSILON).apply("Sqrt")), HIGHEST)


def _scores(histograms: Expression, detector: FhogDetector) -> Expression:
    """The best filter's score over its threshold, float32 (1, 1, rows, columns)."""
    normalized = _normalized(histograms)
    projection, filters = _projected(detector.filters)
    shape = concatenated([(1, _CHANNELS), normalized.shape(2)])
    features = (constant(normalized.builder, projection, np.float32) @ normalized.reshaped(DIRECTIONS, -1)).apply(
        "Reshape", shape
    )
    count, _, rows, columns = filters.shape
    block = _BLOCK
    weights = np.zeros((block, block, count, _CHANNELS, rows + block - 1, columns + block - 1))
    for y, x in np.ndindex(block, block):
        weights[y, x, :, :, y : y + rows, x : x + columns] = filters
    bias = np.tile(-detector.thresholds, block * block)
    after = [side - 1 - _BEFORE + block - 1 for side in (rows, columns)]
    blocks = features.apply(
        "Conv", weights.reshape(-1, *weights.shape[3:]), bias, strides=[block, block], pads=[_BEFORE, _BEFORE, *after]
    )
    shape = concatenated([(block * block, count), blocks.shape(2)])
    best = stacked([blocks.apply("Reshape", shape).apply("ReduceMax", axes=[1], keepdims=0)])
    scores = best.apply("DepthToSpace", blocksize=block)
    start, axes = (constant(scores.builder, pair, np.int64) for pair in ((0, 0), (2, 3)))
    return scores.apply("Slice", start, features.shape(2), axes)


def _projected(filters: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Fewer numbers of a cell, as sums over directions, (8, 18), and the filters on them, (filters, 8, rows, columns).

    They are the ones that matter most to the scores where neighbouring directions are alike: the principal components
    of the filters, weighed by how lengths vary.
    """
    steps = np.subtract.outer(np.arange(DIRECTIONS), np.arange(DIRECTIONS))
    signed, signless = (
        _CORRELATION ** np.minimum(steps % count, -steps % count) for count in (DIRECTIONS, DIRECTIONS // 2)
    )
    variances, axes = np.linalg.eigh(signed + _SIGNLESS * signless)
    spread = axes * np.sqrt(variances) @ axes.T
    # A length without sign counts for both of its directions, and one normalization stands for all four.
    numbers = feature_sums().reshape(FEATURES, 4, -1).sum(axis=1)
    sums = numbers[:, :DIRECTIONS] + np.tile(numbers[:, DIRECTIONS:], 2)
    flat = sums.T @ filters.transpose(1, 0, 2, 3).reshape(FEATURES, -1)
    left = np.linalg.svd(spread @ flat, full_matrices=False)[0][:, :_CHANNELS]
    count, _, rows, columns = filters.shape
    reduced = (left.T @ spread @ flat).reshape(_CHANNELS, count, rows, columns)
    return left.T @ np.linalg.inv(spread), reduced.transpose(1, 0, 2, 3)


def _peaks(scores: Expression, grid: _Grid) -> Expression:
    """The windows whose scores are high enough, and highest among their neighbours': see ``add_proposals``."""
    highest = scores.apply("MaxPool", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    found = (scores >= LIMIT - _MARGIN) & (scores >= highest)
    places = found.take(0).take(0).apply("NonZero", dtype=np.int64).apply("Transpose", perm=(1, 0))
    # The middle of a window tells which scale it belongs to.
    middle = (places + 2).reshaped(-1, 1, 2)
    inside = (
        ((middle > grid.first) & (middle < grid.first + grid.sides))
        .to(np.int32)
        .apply("ReduceMin", axes=[2], keepdims=0)
    )
    level = inside.apply("ArgMax", dtype=np.int64, axis=1, keepdims=0)
    windows = places - (_BEFORE - 1) - grid.first.take(level)
    real = inside.apply("ReduceMax", axes=[1], keepdims=0) > 0
    found = concatenated([level.reshaped(-1, 1), windows], axis=1).apply("Compress", real, axis=0)
    best = scores.take(0).take(0).apply("GatherND", places).apply("Compress", real, axis=0)
    best, order = best.largest(minimum(best.shape(), _MOST))
    return _without_worse(found.take(order), best)


def _without_worse(windows: Expression, scores: Expression) -> Expression:
    """The windows left when each removes those that it overlaps and whose scores are lower by far."""
    side = constant(windows.builder, STEPS / (STEPS - 1), np.float32).apply(
        "Pow", windows.part([0], [1], 1).to(np.float32)
    )
    start = windows.part([1], [3], 1).to(np.float32) * side
    end = start + side * _WINDOW
    axes = [constant(windows.builder, (axis,), np.int64) for axis in (0, 1)]
    starts, ends = ([corner.apply("Unsqueeze", axis) for axis in axes] for corner in (start, end))
    common = maximum(minimum(*ends) - maximum(*starts), 0.0).apply("ReduceProd", axes=[2], keepdims=0)
    area = (end - start).apply("ReduceProd", axes=[1], keepdims=0)
    areas, bests = ([value.apply("Unsqueeze", axis) for axis in axes] for value in (area, scores))
    same = common > (areas[0] + areas[1] - common) * _SAME_IOU
    worse = (same & (bests[0] > bests[1] + _WORSE)).to(np.int32).apply("ReduceMax", axes=[1], keepdims=0)
    return windows.apply("Compress", worse < 1, axis=0)
