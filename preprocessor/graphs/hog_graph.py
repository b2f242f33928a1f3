"""dlib's frontal face detector as part of an ONNX graph: fHOG features, linear filters, and their maxima.

The features are those of Felzenszwalb, Girshick, McAllester and Ramanan (2010), as dlib's ``fhog.h`` computes
them on grey pictures: 31 numbers for every cell of 8x8 pixels.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from preprocessor.dlib_files.fhog_format import FEATURES, FhogDetector
from preprocessor.graphs.builder import GraphBuilder, serialized
from preprocessor.graphs.detections_graph import Detections, add_rounded, add_without_overlaps
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
from preprocessor.graphs.gradient_tables import DIRECTIONS, SIDE, GradientTables, add_gradient_tables
from preprocessor.graphs.loop import Turn, loop
from preprocessor.hog_detector import LIMIT
from preprocessor.tiled_pyramid import RATE, SHIFT, STEPS

#: Directions without sign.
_COUNT = DIRECTIONS // 2
#: dlib's constants: what is added to the energy of four cells, half the limit of a normalized number (over the
#: limit itself), the limit times that, and the weight of a texture.
_EPSILON, _HALF, _LIMIT, _TEXTURE = 1e-4, 0.5, 0.1, 2 * 0.2357
#: How lengths go to the sums that they belong to.
_ADDING: dict[str, Any] = {"reduction": "add", "axis": 0}
#: Beyond the end of any axis.
_END = 1 << 30
#: Channels of the features: zeros fill them up to what ONNX Runtime's fast convolutions take.
_CHANNELS = 32
#: Side of the squares of scores that the filters give at once, as channels.
_SCORE_BLOCK = 3
#: Cells before a filter's window that lie outside of the picture at most.
_BEFORE = 4


def hog_graph(detector: FhogDetector, scales: int | None = None) -> bytes:
    """A serialized model from ``grey``, uint8 (rows, columns), to its faces by falling score.

    Of them ``corners``, float64 (faces, 4), x and y of the first and of the last pixel, and ``scores``, float32
    (faces,), at least the detector's limit. The picture is searched in all scales, or in the first few ``scales``.
    """
    builder = GraphBuilder()
    grey = Expression.input(builder, "grey", np.uint8, ("rows", "columns"))
    corners, scores = add_hog(grey, detector, add_gradient_tables(builder), scales)
    corners.output("corners", ("faces", 4))
    scores.output("scores", ("faces",))
    return serialized(builder.graph("hog"))


def add_hog(grey: Expression, detector: FhogDetector, tables: GradientTables, scales: int | None = None) -> Detections:
    """The faces of a grey picture, (rows, columns); boxes are corners, the first and the last pixel."""
    picture = grey.to(np.float32).apply("Unsqueeze", _axes(grey))
    candidates = _candidates(picture, detector, tables, scales)
    best, order = candidates.take(5, axis=1).largest(candidates.shape(end=1))
    candidates = candidates.take(order)
    corners = _to_picture(candidates.part([0], [4], 1), candidates.part([4], [5], 1))
    kept = add_without_overlaps(corners, detector.overlap)
    return Detections(add_rounded(corners.take(kept)), best.take(kept).to(np.float32))


def _candidates(picture: Expression, detector: FhogDetector, tables: GradientTables, scales: int | None) -> Expression:
    """Every window that looks like a face: float64 (n, 6), its corners in pixels of its scale, scale and score."""
    builder = picture.builder
    least = 3 * detector.cell - detector.cell // 2
    sides = picture.shape(2)
    rectangle = concatenated([np.zeros(2), sides.take([1, 0]).to(np.float64) - 1.0])
    nothing = Gathered.empty(builder, np.float64).insert(
        constant(builder, np.empty((0, 6)), np.float64), constant(builder, 0, np.int64)
    )

    def body(level: Expression, picture: Expression, rectangle: Expression, found: Gathered) -> Turn:
        features = add_features(picture, detector, tables)
        windows = _windows(_scores(features, detector), level, detector.cell)
        # Whether there is a further scale, dlib finds out with a rectangle, which it rounds otherwise.
        rectangle = add_rounded((rectangle - SHIFT) * RATE)
        width_and_height = rectangle.part([2], [4]) - rectangle.part([0], [2]) + 1.0
        going = (width_and_height - detector.smallest).apply("ReduceMin", keepdims=0) >= 0.0
        smaller = _resized(picture, picture.shape(2) * (STEPS - 1) / STEPS)
        return Turn([smaller, rectangle, found.insert(windows, level)], going=going)

    enough = sides.apply("ReduceMin", keepdims=0) >= least
    trips = None if scales is None else constant(builder, scales, np.int64)
    found = loop(builder, body, [picture, rectangle, nothing], trips, enough)[2]
    assert isinstance(found, Gathered)
    return found.joined(axis=0)


def _resized(picture: Expression, sides: Expression) -> Expression:
    """A picture (1, 1, rows, columns) of other sides, of whole numbers again, to the last one as dlib resizes it.

    One pixel more or less than dlib's moves scores by a thousandth, and ties are frequent: where halves are
    rounded to is up to the places' own errors.
    """
    row_last, column_last = (picture.shape(axis, axis + 1) - 1 for axis in (2, 3))
    rows, columns = sides.take([0]), sides.take([1])
    row_places = counted(rows).to(np.float64) * _scale(row_last, rows)
    column_places, halves = _column_places(column_last, columns)
    between = _interpolated(picture.apply("Squeeze", _axes(picture)), row_places, row_last)
    turned = _interpolated(between.apply("Transpose", perm=(1, 0)), column_places, column_last)
    whole = (turned + halves.reshaped(-1, 1)).apply("Floor")
    return whole.apply("Transpose", perm=(1, 0)).apply("Unsqueeze", _axes(picture))


def _column_places(last: Expression, count: Expression) -> tuple[Expression, Expression]:
    """Places of so many columns in a picture whose last one is given, float64, and what is added to them to round.

    dlib goes four columns at a time, adding up float32, as long as the fourth lies between two of the picture's.
    The columns that are left it takes one by one, and cuts off their fractions.
    """
    scale = _scale(last, count)
    fours = (count + 3) / 4
    start = (scale * np.array([[-4.0, -3.0, -2.0, -1.0]])).to(np.float32)
    steps = (scale * 4.0).to(np.float32).apply("Expand", concatenated([fours, (4,)]))
    added = concatenated([start, steps]).apply("CumSum", constant(last.builder, 0, np.int64)).part([1], [_END])
    together = (added.take(3, axis=1).to(np.int64) + 1 <= last).reshaped(-1, 1)
    exact = counted(fours * 4).reshaped(-1, 4).to(np.float64) * scale
    places = where(together, added.to(np.float64), exact)
    halves = where(together, np.full((1, 4), 0.5, np.float32), exact.to(np.float32) * 0.0)
    return places.reshaped(-1).part([0], count), halves.reshaped(-1).part([0], count)


def _scale(last: Expression, count: Expression) -> Expression:
    """Pixels from one of so many places to the next, the last one being the picture's last."""
    return last.to(np.float64) / maximum(count - 1, 1).to(np.float64)


def _interpolated(pixels: Expression, places: Expression, last: Expression) -> Expression:
    """Rows at places between those of some pixels, float32."""
    before = places.to(np.int64)
    share = (places - before.to(np.float64)).to(np.float32).reshaped(-1, 1)
    return pixels.take(before) * (1.0 - share) + pixels.take(minimum(before + 1, last)) * share


def _axes(picture: Expression) -> Expression:
    return constant(picture.builder, (0, 1), np.int64)


def add_features(picture: Expression, detector: FhogDetector, tables: GradientTables) -> Expression:
    """The features of a picture (1, 1, rows, columns), float32 (1, 32, cells, cells); the last channel is zero.

    The picture's outermost cells have none, as their neighbours are unknown.
    """
    histograms = _histograms(picture, detector.cell, tables)
    # The energy of the four squares of two by two cells that a cell belongs to.
    signless = histograms.part([DIRECTIONS], [DIRECTIONS + _COUNT], 1)
    energy = signless.apply("ReduceSumSquare", axes=[1]).apply("Conv", _squares())
    scale = (_HALF / (energy + _EPSILON).apply("Sqrt")).apply("Transpose", perm=(1, 0, 2, 3))
    inner = _sliced(histograms, (1, 1), (-1, -1), (2, 3))
    normalized = minimum(inner * scale, _LIMIT)
    flat = normalized.apply("Reshape", concatenated([(1, 4 * (DIRECTIONS + _COUNT)), normalized.shape(2)]))
    return flat.apply("Conv", _sums())


def _histograms(picture: Expression, cell: int, tables: GradientTables) -> Expression:
    """Gradients' lengths by direction, float32 (1, 27, cells, cells): of 18 directions, and of 9 without sign.

    A pixel counts for the four cells whose middles are around it. Between these, lengths are added up by direction in
    every column of pixels: all of them, and how much of each belongs to the cells below. The columns' shares in the
    cells to their left and right are taken of these sums.
    """
    pixels = _pixels(picture, cell)
    lengths, directions = _gradients(pixels, tables)
    group_rows, group_columns = ((pixels.shape(axis, axis + 1) + cell // 2) / cell + 1 for axis in (0, 1))
    group_row, row = _between_middles(lengths.shape(0, 1), cell)
    group_column, column = _between_middles(lengths.shape(1, 2), cell)
    row_places = group_row * (group_columns * (cell * DIRECTIONS))
    column_places = (column * group_columns + group_column) * DIRECTIONS
    places = (directions + column_places.to(np.int32) + row_places.to(np.int32).reshaped(-1, 1)).reshaped(-1)
    shape = concatenated([group_rows, (cell,), group_columns * DIRECTIONS])
    nothing = constant(picture.builder, (0,), np.float32).apply("Expand", shape.apply("ReduceProd", keepdims=1))
    # Of a cell's pixels, from one middle of a cell to the next: bilinear interpolation.
    after = (np.arange(cell) + 0.5) / cell
    shares = constant(picture.builder, np.stack([1 - after, after]), np.float32)
    everything, below = (
        shares @ nothing.apply("ScatterElements", places, values.reshaped(-1), **_ADDING).apply("Reshape", shape)
        for values in (lengths, lengths * shares.take(1).take(row).reshaped(-1, 1))
    )
    rows = _sliced(everything - below, (1,), (_END,), (0,)) + _sliced(below, (0,), (-1,), (0,))
    split = rows.apply("Reshape", concatenated([(0, 2), group_columns, (DIRECTIONS,)]))
    left, right = (split.take(side, axis=1) for side in (0, 1))
    cells = _sliced(left, (1,), (_END,), (1,)) + _sliced(right, (0,), (-1,), (1,))
    signed = stacked([cells.apply("Transpose", perm=(2, 0, 1))])
    return concatenated([signed, signed.part([0], [_COUNT], 1) + signed.part([_COUNT], [DIRECTIONS], 1)], axis=1)


def _pixels(picture: Expression, cell: int) -> Expression:
    """Those pixels of a picture (1, 1, rows, columns) that count, int32 (rows, columns).

    Pixels beyond the last cell that is at least half within the picture count for nothing.
    """
    cells = (picture.shape(2) + cell // 2) / cell
    pixels = picture.apply("Squeeze", _axes(picture))
    return pixels.apply("Slice", *_places(pixels, (0, 0)), cells * cell, *_places(pixels, (0, 1))).to(np.int32)


def _gradients(pixels: Expression, tables: GradientTables) -> tuple[Expression, Expression]:
    """Lengths, float32, and directions, int32, of every inner pixel's gradient: (rows, columns) each."""
    axes = (0, 1)
    x = _sliced(pixels, (1, 2), (-1, _END), axes) - _sliced(pixels, (1, 0), (-1, -2), axes)
    y = _sliced(pixels, (2, 1), (_END, -1), axes) - _sliced(pixels, (0, 1), (-2, -1), axes)
    places, shape = (x * SIDE + y).reshaped(-1), x.shape()
    lengths, directions = (table.apply("GatherElements", places, axis=0).apply("Reshape", shape) for table in tables)
    return lengths, directions.to(np.int32)


def _between_middles(count: Expression, cell: int) -> tuple[Expression, Expression]:
    """For the inner ones of so many rows or columns between which middles of cells they are, and where there."""
    inner = counted(count) + (1 + cell // 2)
    return inner / cell, inner - inner / cell * cell


def _squares() -> npt.NDArray[np.float64]:
    """Sums over the four squares of two by two cells around a cell, in the order of dlib's textures."""
    weights = np.zeros((4, 1, 3, 3))
    for square, (row, column) in enumerate(((1, 1), (0, 1), (1, 0), (0, 0))):
        weights[square, 0, row : row + 2, column : column + 2] = 1
    return weights


def _sums() -> npt.NDArray[np.float64]:
    """From 27 numbers normalized in four ways to the features: sums over the ways, and over the directions."""
    weights = np.zeros((_CHANNELS, 4, DIRECTIONS + _COUNT))
    weights[np.arange(27), :, np.arange(27)] = 1
    weights[27 + np.arange(4), np.arange(4), :DIRECTIONS] = _TEXTURE
    return weights.reshape(_CHANNELS, -1, 1, 1)


def _scores(features: Expression, detector: FhogDetector) -> Expression:
    """The filters' scores over their thresholds, float32 (filters, cells, cells)."""
    count, _, rows, columns = detector.filters.shape
    block = _SCORE_BLOCK
    weights = np.zeros((count, block, block, _CHANNELS, rows + block - 1, columns + block - 1), np.float32)
    for y, x in np.ndindex(block, block):
        weights[:, y, x, :FEATURES, y : y + rows, x : x + columns] = detector.filters
    bias = np.repeat(-detector.thresholds, block * block)
    after = [side - 1 - _BEFORE + block - 1 for side in (rows, columns)]
    blocks = features.apply(
        "Conv", weights.reshape(-1, *weights.shape[3:]), bias, strides=[block, block], pads=[_BEFORE, _BEFORE, *after]
    )
    scores = blocks.apply("DepthToSpace", blocksize=block, mode="CRD")
    zeros, axes = _places(scores, (0, 0)), _places(scores, (2, 3))
    return scores.apply("Slice", *zeros, features.shape(2), *axes).take(0)


def _windows(scores: Expression, level: Expression, cell: int) -> Expression:
    """The windows of a scale's scores that are at least the limit, float64 (n, 6): see ``_candidates``."""
    places = (scores >= LIMIT).apply("NonZero", dtype=np.int64).apply("Transpose", perm=(1, 0))
    found = scores.apply("GatherND", places).to(np.float64).reshaped(-1, 1)
    first = places.take([2, 1], axis=1) - (_BEFORE - 1)
    last = first + 9
    corners = concatenated([first, last], axis=1) * cell + 1
    # The middle of a cell; outside of the picture dlib goes the other way.
    corners = where(corners >= 0, corners + cell // 2, corners - cell // 2)
    levels = found * 0.0 + level.to(np.float64)
    return concatenated([corners.to(np.float64), levels, found], axis=1)


def _to_picture(corners: Expression, levels: Expression) -> Expression:
    """Corners in the picture's pixels, of those in their scale's."""

    def body(level: Expression, corners: Expression) -> Turn:
        # Scale by scale, as dlib does, not by powers: so that halves are rounded to the same side.
        return Turn([where(levels > level.to(np.float64), corners * (STEPS / (STEPS - 1)) + SHIFT, corners)])

    none = constant(corners.builder, np.zeros((1, 1)), np.float64)
    trips = concatenated([levels, none]).apply("ReduceMax", keepdims=0).to(np.int64)
    return add_rounded(loop(corners.builder, body, [corners], trips)[0])


def _sliced(value: Expression, starts: tuple[int, ...], ends: tuple[int, ...], axes: tuple[int, ...]) -> Expression:
    return value.apply("Slice", *_places(value, starts), *_places(value, ends), *_places(value, axes))


def _places(value: Expression, *limits: tuple[int, ...]) -> list[Expression]:
    return [constant(value.builder, limit, np.int64) for limit in limits]
