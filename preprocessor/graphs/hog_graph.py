"""dlib's frontal face detector as part of an ONNX graph.

dlib's own features and filters judge what cheaper ones propose: see ``hog_proposals_graph``.
"""

from typing import NamedTuple

import numpy as np

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
    where,
    zeros,
)
from preprocessor.graphs.fhog_graph import add_gradients, add_normalized, feature_sums
from preprocessor.graphs.gradient_tables import DIRECTIONS, GradientTables, add_gradient_tables
from preprocessor.graphs.hog_proposals_graph import add_proposals
from preprocessor.graphs.hog_pyramid_graph import add_resized, add_scales
from preprocessor.graphs.loop import Turn, loop
from preprocessor.hog_detector import LIMIT
from preprocessor.tiled_pyramid import SHIFT, STEPS

#: Places of a window, along each axis, that are looked at for a proposal: its own, and those beside it.
_PLACES = 3
#: Cells of a proposal's crop along each axis, whose features are used; and with those around them.
_INNER = 12
_CELLS = _INNER + 2
#: From the middle of a cell to that of the next, along each axis.
_BETWEEN = _CELLS + 1
#: Crops that are judged at once, so that memory does not grow with them.
_AT_ONCE = 64
#: Pictures of fewer cells have no features.
_LEAST = 3


class _Crops(NamedTuple):
    """What proposals are judged by: their scales, (n,), first cells, and places of gradients, (n, pixels, pixels).

    ``cells`` are the rows and columns of cells of their scales, (n, 2).
    """

    levels: Expression
    first: Expression
    cells: Expression
    gradients: Expression


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
    picture = _filled_up(grey.to(np.float32), detector.cell * _LEAST)
    sides = add_scales(picture.shape(), detector, scales)
    proposals = add_proposals(picture, sides, detector, tables)
    crops = _crops(picture, sides, proposals, detector.cell)
    candidates = _windows(_judged(crops, detector, tables), crops, detector.cell)
    best, order = candidates.take(5, axis=1).largest(candidates.shape(end=1))
    candidates = candidates.take(order)
    corners = _to_picture(candidates.part([0], [4], 1), candidates.part([4], [5], 1))
    kept = add_without_overlaps(corners, detector.overlap)
    return Detections(add_rounded(corners.take(kept)), best.take(kept).to(np.float32))


def _filled_up(picture: Expression, least: int) -> Expression:
    """A picture with zeros at its end where it has fewer rows or columns than ``least``, in which nothing is found."""
    missing = maximum(least - picture.shape(), 0)
    return picture.apply("Pad", concatenated([(0, 0), missing]))


def _crops(picture: Expression, sides: Expression, proposals: Expression, cell: int) -> _Crops:
    """Crops of the scales around proposals, by rising scale: each scale is resized from the one before."""
    builder = picture.builder
    order = (-proposals.take(0, axis=1)).largest(proposals.shape(end=1))[1]
    proposals = proposals.take(order)
    levels, first = proposals.take(0, axis=1), proposals.part([1], [3], 1)
    cells = ((sides + cell // 2) / cell).take(levels)
    # Pixels beyond the last cell that is at least half within the picture count for nothing, nor do the outermost.
    start = (first - 2) * cell - cell // 2
    size = _BETWEEN * cell
    within = maximum(start, 1)
    end = minimum(start + size, minimum(cells * cell, sides.take(levels)) - 1)
    margins = concatenated([within - start, start + size - end], axis=1)

    different, counts = _different(levels)
    before_first = counts.apply("CumSum", constant(builder, 0, np.int64), exclusive=1)

    def resized(turn: Expression, picture: Expression, before: Expression) -> Turn:
        return Turn([add_resized(picture, sides.take(turn + before + 1)), before])

    def body(turn: Expression, picture: Expression, before: Expression, found: Gathered) -> Turn:
        level, skipped = different.take(turn), before_first.take(turn)
        scaled = loop(picture.builder, resized, [picture, before], level - before)[0]

        def crop(turn: Expression) -> Turn:
            number = turn + skipped
            axes = constant(turn.builder, (0, 1), np.int64)
            pixels = scaled.apply("Slice", within.take(number) - 1, end.take(number) + 1, axes).to(np.int32)
            return Turn(collected=[(add_gradients(pixels).apply("Pad", margins.take(number)), (size, size))])

        return Turn([scaled, level, found.insert(loop(scaled.builder, crop, trips=counts.take(turn))[0], turn)])

    nothing = Gathered.empty(builder, np.int32).insert(
        constant(builder, np.empty((0, size, size)), np.int32), constant(builder, 0, np.int64)
    )
    zero = constant(builder, 0, np.int64)
    gradients = loop(builder, body, [picture, zero, nothing], different.shape().reshaped())[2]
    assert isinstance(gradients, Gathered)
    return _Crops(levels, first, cells, gradients.joined(axis=0))


def _different(numbers: Expression) -> tuple[Expression, Expression]:
    """The numbers, rising, int64 (n,), that there are among others, and how many of each."""
    names = numbers.builder.nodes("Unique", 4, numbers.name, sorted=1)
    values, _, _, counts = (Expression(numbers.builder, name, np.int64) for name in names)
    return values, counts


def _judged(crops: _Crops, detector: FhogDetector, tables: GradientTables) -> Expression:
    """The filters' scores over their thresholds at each place of every crop, float32 (n, filters, 3, 3)."""
    builder = crops.levels.builder

    def body(turn: Expression, found: Gathered) -> Turn:
        start = (turn * _AT_ONCE).reshaped(1)
        some = _Crops(*(value.part(start, start + _AT_ONCE) for value in crops))
        return Turn([found.insert(_scores(_features(some, detector.cell, tables), detector), turn)])

    empty = np.empty((0, len(detector.filters), _PLACES, _PLACES))
    nothing = Gathered.empty(builder, np.float32).insert(
        constant(builder, empty, np.float32), constant(builder, 0, np.int64)
    )
    turns = (crops.levels.shape() + (_AT_ONCE - 1)) / _AT_ONCE
    scores = loop(builder, body, [nothing], turns.reshaped())[0]
    assert isinstance(scores, Gathered)
    return scores.joined(axis=0)


def _features(crops: _Crops, cell: int, tables: GradientTables) -> Expression:
    """The features of every crop, float32 (n, 31, 12, 12); those of no cell of the picture are zero."""
    normalized = add_normalized(_histograms(crops.gradients, cell, tables))
    features = normalized.apply("Conv", feature_sums()[:, :, None, None])
    # The picture's outermost cells have no features, as their neighbours are unknown.
    numbers = crops.first.apply("Unsqueeze", constant(features.builder, (2,), np.int64)) + (np.arange(_INNER) - 1)
    known = (numbers > 0) & (numbers < crops.cells.apply("Unsqueeze", constant(features.builder, (2,), np.int64)) - 1)
    rows, columns = (known.to(np.float32).take(axis, axis=1) for axis in (0, 1))
    return features * rows.reshaped(-1, 1, _INNER, 1) * columns.reshaped(-1, 1, 1, _INNER)


def _histograms(gradients: Expression, cell: int, tables: GradientTables) -> Expression:
    """Gradients' lengths by direction, float32 (n, 18, 14, 14), of crops that begin at the middle of a cell.

    A pixel counts for the four cells whose middles are around it. Between these, lengths are added up by direction in
    every column of pixels: all of them, and how much of each belongs to the cells below. The columns' shares in the
    cells to their left and right are taken of these sums.
    """
    builder = gradients.builder
    number = gradients.shape(end=1)
    group, place = np.divmod(np.arange(_BETWEEN * cell), cell)
    bins = ((group * cell)[:, None] * _BETWEEN + place * _BETWEEN + group) * DIRECTIONS
    each = counted(number) * (_BETWEEN * cell * _BETWEEN * DIRECTIONS)
    bins = constant(builder, bins, np.int32) + each.to(np.int32).reshaped(-1, 1, 1)
    lengths, directions = tables.looked_up(gradients.reshaped(-1))
    bins = bins.reshaped(-1) + directions
    # Of a cell's pixels, from one middle of a cell to the next: bilinear interpolation.
    after = (np.arange(cell) + 0.5) / cell
    shares = constant(builder, np.stack([1 - after, after]), np.float32)
    below = lengths.reshaped(-1, _BETWEEN, cell, _BETWEEN * cell) * after.reshape(1, 1, cell, 1)
    shape = concatenated([number * _BETWEEN, (cell, _BETWEEN * DIRECTIONS)])
    nothing = zeros(shape)
    whole, lower = (
        shares
        @ nothing.apply("ScatterElements", bins, values.reshaped(-1), reduction="add", axis=0).apply("Reshape", shape)
        for values in (lengths, below)
    )
    upper = (whole - lower).reshaped(-1, _BETWEEN, 2, _BETWEEN, DIRECTIONS)
    lower = lower.reshaped(-1, _BETWEEN, 2, _BETWEEN, DIRECTIONS)
    rows = upper.part([1], [_BETWEEN], 1) + lower.part([0], [-1], 1)
    left, right = (rows.take(side, axis=2) for side in (0, 1))
    cells = left.part([1], [_BETWEEN], 2) + right.part([0], [-1], 2)
    return cells.apply("Transpose", perm=(0, 3, 1, 2))


def _scores(features: Expression, detector: FhogDetector) -> Expression:
    """The filters' scores over their thresholds at each place, float32 (n, filters, 3, 3)."""
    count, _, rows, columns = detector.filters.shape
    weights = np.zeros((count, _PLACES, _PLACES, FEATURES, _INNER, _INNER))
    for y, x in np.ndindex(_PLACES, _PLACES):
        weights[:, y, x, :, y : y + rows, x : x + columns] = detector.filters
    flat = features.reshaped(-1, FEATURES * _INNER * _INNER)
    scores = flat @ weights.reshape(count * _PLACES * _PLACES, -1).T - np.repeat(detector.thresholds, _PLACES * _PLACES)
    return scores.reshaped(-1, count, _PLACES, _PLACES)


def _windows(scores: Expression, crops: _Crops, cell: int) -> Expression:
    """The windows whose scores are at least the limit, float64 (n, 6): corners in their scale, scale and score."""
    places = (scores >= LIMIT).apply("NonZero", dtype=np.int64).apply("Transpose", perm=(1, 0))
    found = scores.apply("GatherND", places).to(np.float64).reshaped(-1, 1)
    crop = places.take(0, axis=1)
    first = (crops.first.take(crop) + places.part([2], [4], 1) - 1).take([1, 0], axis=1)
    corners = concatenated([first, first + 9], axis=1) * cell + 1
    # The middle of a cell; outside of the picture dlib goes the other way.
    corners = where(corners >= 0, corners + cell // 2, corners - cell // 2)
    levels = crops.levels.take(crop).reshaped(-1, 1)
    return concatenated([corners.to(np.float64), levels.to(np.float64), found], axis=1)


def _to_picture(corners: Expression, levels: Expression) -> Expression:
    """Corners in the picture's pixels, of those in their scale's."""

    def body(level: Expression, corners: Expression) -> Turn:
        # Scale by scale, as dlib does, not by powers: so that halves are rounded to the same side.
        return Turn([where(levels > level.to(np.float64), corners * (STEPS / (STEPS - 1)) + SHIFT, corners)])

    none = constant(corners.builder, np.zeros((1, 1)), np.float64)
    trips = concatenated([levels, none]).apply("ReduceMax", keepdims=0).to(np.int64)
    return add_rounded(loop(corners.builder, body, [corners], trips)[0])
