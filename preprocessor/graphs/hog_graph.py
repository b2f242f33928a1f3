"""dlib's frontal face detector as part of an ONNX graph: fHOG features, linear filters, and their maxima.

The features are those of Felzenszwalb, Girshick, McAllester and Ramanan (2010), as dlib's ``fhog.h`` computes
them on grey pictures: 31 numbers for every cell of 8x8 pixels.
"""

from itertools import pairwise

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
    where,
)
from preprocessor.graphs.loop import Turn, loop
from preprocessor.mmod_detector import UPSAMPLING_SHIFT
from preprocessor.tiled_pyramid import RATE, SHIFT, STEPS

#: The unit vectors that dlib compares a gradient with, and their opposites; rounded as there.
_DIRECTIONS = np.array(
    [
        (1.0, 0.0),
        (0.9397, 0.3420),
        (0.7660, 0.6428),
        (0.5, 0.8660),
        (0.1736, 0.9848),
        (-0.1736, 0.9848),
        (-0.5, 0.8660),
        (-0.7660, 0.6428),
        (-0.9397, 0.3420),
    ],
    np.float32,
)
#: How many of them.
_COUNT = len(_DIRECTIONS)
#: The line between two directions that gradients lie on exactly: the upright one. dlib takes the earlier of
#: two directions that are as near; a line turned by less than any gradient of whole numbers does the same.
_UPRIGHT, _TILT = 5, 1 / 2048
#: What makes a gradient on the wrong side of a line count for less than nothing, however near to it
#: it is: gradients of whole numbers are at least 1e-4 from a line, and the product of two lines' distances
#: is at least 3e-3, where a gradient is no longer than 361.
_LINEAR, _QUADRATIC = 2.0**23, 2.0**19
#: The lowest number that may come of that.
_LOWEST = -1e30
#: dlib's constants: what is added to the energy of four cells, half the limit of a normalized number (over the
#: limit itself), the limit times that, and the weight of a texture.
_EPSILON, _HALF, _LIMIT, _TEXTURE = 1e-4, 0.5, 0.1, 2 * 0.2357
#: Lines whose sums are made by themselves, as sixteen channels hold the others.
_ALONE = (0, _UPRIGHT)
#: From the sides to the lengths that count: those that are not behind a line, and all of them.
_COUNTING = np.eye(16)
_COUNTING[:, 15] = -1.0
#: Shares of 16 pixels in a cell of 8, in a row or a column: by bilinear interpolation between the cells' middles.
_SPREAD = np.minimum(np.arange(1, 32, 2), np.arange(31, 0, -2)) / 16
#: Shares of 8 pixels, from one middle of a cell to the next, in the cell before, and in the one after.
_SHARES = (_SPREAD[8:], _SPREAD[:8])
#: Pixels that go through the first convolutions at once: for each they write 64 bytes, twice.
_BAND_PIXELS = 1 << 14
#: Beyond the end of any axis.
_END = 1 << 30
#: Channels of the features: zeros fill them up to what ONNX Runtime's fast convolutions take.
_CHANNELS = 32
#: Side of the squares of scores that the filters give at once, as channels.
_SCORE_BLOCK = 3
#: Cells before a filter's window that lie outside of the picture at most.
_BEFORE = 4


def hog_graph(detector: FhogDetector, upsample: int, limit: float) -> bytes:
    """A serialized model from ``grey``, uint8 (rows, columns), to its faces by falling score.

    Of them ``corners``, float64 (faces, 4), x and y of the first and of the last pixel, and ``scores``, float32
    (faces,), ``limit`` or more. The picture is doubled ``upsample`` times first.
    """
    builder = GraphBuilder()
    grey = Expression.input(builder, "grey", np.uint8, ("rows", "columns"))
    corners, scores = add_hog(grey, detector, upsample, limit)
    corners.output("corners", ("faces", 4))
    scores.output("scores", ("faces",))
    return serialized(builder.graph("hog"))


def add_hog(grey: Expression, detector: FhogDetector, upsample: int, limit: float) -> Detections:
    """The faces of a grey picture, uint8 (rows, columns); boxes are corners, the first and the last pixel."""
    picture = grey.to(np.float32).apply("Unsqueeze", _axes(grey))
    for _ in range(upsample):
        picture = _resized(picture, picture.shape(2) * 2 + np.array((1, 2)))
    candidates = _candidates(picture, detector, limit)
    best, order = candidates.take(5, axis=1).largest(candidates.shape(end=1))
    candidates = candidates.take(order)
    corners = _to_picture(candidates.part([0], [4], 1), candidates.part([4], [5], 1))
    kept = add_without_overlaps(corners, detector.overlap)
    corners = corners.take(kept)
    for _ in range(upsample):
        corners = corners / 2 - np.tile(UPSAMPLING_SHIFT, 2)
    return Detections(add_rounded(corners), best.take(kept).to(np.float32))


def _candidates(picture: Expression, detector: FhogDetector, limit: float) -> Expression:
    """Every window that looks like a face: float64 (n, 6), its corners in pixels of its scale, scale and score."""
    builder = picture.builder
    least = 3 * detector.cell - detector.cell // 2
    sides = picture.shape(2)
    rectangle = concatenated([np.zeros(2), sides.take([1, 0]).to(np.float64) - 1.0])
    nothing = Gathered.empty(builder, np.float64).insert(
        constant(builder, np.empty((0, 6)), np.float64), constant(builder, 0, np.int64)
    )

    def body(level: Expression, picture: Expression, rectangle: Expression, found: Gathered) -> Turn:
        features = add_features(picture, detector)
        windows = _windows(_scores(features, detector), level, detector.cell, limit)
        # Whether there is a further scale, dlib finds out with a rectangle, which it rounds otherwise.
        rectangle = add_rounded((rectangle - SHIFT) * RATE)
        width_and_height = rectangle.part([2], [4]) - rectangle.part([0], [2]) + 1.0
        going = (width_and_height - detector.smallest).apply("ReduceMin", keepdims=0) >= 0.0
        smaller = _resized(picture, picture.shape(2) * (STEPS - 1) / STEPS)
        return Turn([smaller, rectangle, found.insert(windows, level)], going=going)

    enough = sides.apply("ReduceMin", keepdims=0) >= least
    found = loop(builder, body, [picture, rectangle, nothing], going=enough)[2]
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


def add_features(picture: Expression, detector: FhogDetector) -> Expression:
    """The features of a picture (1, 1, rows, columns), float32 (1, 32, cells, cells); the last channel is zero.

    The picture's outermost cells have none, as their neighbours are unknown.
    """
    histograms = _histograms(_pixels(picture, detector.cell), detector.cell)
    # The energy of the four squares of two by two cells that a cell belongs to.
    signless = histograms.part([2 * _COUNT], [3 * _COUNT], 1)
    energy = signless.apply("ReduceSumSquare", axes=[1]).apply("Conv", _squares())
    scale = (_HALF / (energy + _EPSILON).apply("Sqrt")).apply("Transpose", perm=(1, 0, 2, 3))
    inner = _sliced(histograms, (1, 1), (-1, -1), (2, 3))
    normalized = minimum(inner * scale, _LIMIT)
    flat = normalized.apply("Reshape", concatenated([(1, 4 * 3 * _COUNT), normalized.shape(2)]))
    return flat.apply("Conv", _sums())


def _pixels(picture: Expression, cell: int) -> Expression:
    """Those pixels of a picture (1, 1, rows, columns) that count, float32 (rows, 1, columns).

    Pixels beyond the last cell that is at least half within the picture count for nothing.
    """
    cells = (picture.shape(2) + cell // 2) / cell
    pixels = picture.apply("Transpose", perm=(2, 0, 1, 3)).apply("Squeeze", constant(picture.builder, (1,), np.int64))
    return pixels.apply("Slice", *_places(pixels, (0, 0)), cells * cell, *_places(pixels, (0, 2)))


def _histograms(pixels: Expression, cell: int) -> Expression:
    """Gradients' lengths by direction, float32 (1, 27, cells, cells): of 18 directions, and of 9 without sign.

    Pixels go band by band through what takes the most memory for each, so that it stays in the processor's cache.
    A row of pixels counts for the cells before and after it: a band's rows are those from one middle of a cell
    to another.
    """
    builder = pixels.builder
    rows, columns = pixels.shape(0, 1), pixels.shape(2, 3)
    groups = (rows + cell // 2) / cell + 1
    each = maximum(_BAND_PIXELS / (columns * cell), 1)
    none = [Gathered.empty(builder, np.float32) for _ in range(2)]

    def body(number: Expression, before: Gathered, after: Gathered) -> Turn:
        first = each * number
        last = minimum(first + each, groups)
        start, stop = maximum(first * cell - 5, 0), minimum(last * cell - 3, rows)
        # The picture's outermost pixels have no gradient, and are zeros, as those outside of it.
        above = start + 5 - first * cell
        below = (last - first) * cell - above - (stop - start - 2)
        sums = _band(_gradients(pixels.part(start, stop)), above, below)
        return Turn([sequence.insert(value, number) for sequence, value in zip((before, after), sums, strict=True)])

    before, after = loop(builder, body, none, ((groups + each - 1) / each).reshaped())
    assert isinstance(before, Gathered)
    assert isinstance(after, Gathered)
    sums = _sliced(before.joined(2), (1,), (_END,), (2,)) + _sliced(after.joined(2), (0,), (-1,), (2,))
    return sums.apply("Conv", _mixing()[..., None, None])


def _gradients(pixels: Expression) -> list[Expression]:
    """x, y, their squares, their product, and the length of every inner pixel's gradient: (rows, 1, columns) each."""
    x = _sliced(pixels, (1, 2), (-1, _END), (0, 2)) - _sliced(pixels, (1, 0), (-1, -2), (0, 2))
    y = _sliced(pixels, (2, 1), (_END, -1), (0, 2)) - _sliced(pixels, (0, 1), (-2, -1), (0, 2))
    x_x, y_y = x * x, y * y
    return [x, y, x_x, y_y, x * y, (x_x + y_y).apply("Sqrt")]


def _band(gradients: list[Expression], above: Expression, below: Expression) -> list[Expression]:
    """What a band's gradients count for the cells before them, and for those after, float32 (1, 18, rows, cells).

    ``above`` and ``below``, int64 (1,), are the rows of zeros that the band lacks.

    A length counts where its gradient is not behind a line: relu(length - relu(-K side)), two convolutions. The
    first takes six planes as one, row by row in turn, since ONNX Runtime's fast convolution of few channels
    goes over its output once for each. Sixteen channels fill its blocks; two more sums are made by themselves.
    """
    x, y, *_, length = gradients
    linear, quadratic = _lines()
    planes = _interleaved(gradients, above, below)
    step = {"strides": [len(gradients), 1]}
    sides = planes.apply("Conv", _sides(linear, quadratic), **step).apply("Clip", _LOWEST, 0.0)
    ahead = sides.apply("Conv", _COUNTING[..., None, None]).apply("Relu")
    signs = ((x * line[0] + y * line[1]).apply("Clip", -1.0, 1.0) for line in linear[list(_ALONE)])
    alone = _interleaved([sign * length for sign in signs], above, below)
    pooled = alone.apply("Conv", _alone_spreading(), strides=[16, 8], pads=[0, 5, 0, 9])
    sums = []
    for index, share in enumerate(_SHARES):
        spread = ahead.apply("Conv", np.tile(share.reshape(1, 1, 8, 1), (16, 1, 1, 1)), group=16, strides=[8, 1])
        spread = spread.apply("Conv", _spreading((1, 16)), group=16, strides=[1, 8], pads=[0, 5, 0, 9])
        sums.append(concatenated([spread, pooled.part([2 * index], [2 * index + 2], 1)], axis=1))
    return sums


def _interleaved(planes: list[Expression], above: Expression, below: Expression) -> Expression:
    """Planes (rows, 1, columns) row by row in turn, with rows of zeros: (1, 1, rows, columns)."""
    padded = concatenated(planes, axis=1).apply("Pad", concatenated([above, (0, 0), below, (0, 0)]))
    return padded.apply("Reshape", concatenated([(1, 1, -1), padded.shape(2)]))


def _sides(linear: npt.NDArray[np.float64], quadratic: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Weights of the first convolution, (16, 1, 6, 1): eight products, seven lines, and minus the length."""
    weights = np.zeros((16, 6))
    weights[:8, 2:5] = quadratic[:8]
    weights[8:15, :2] = np.delete(linear, _ALONE, axis=0)
    weights[15, 5] = -1.0
    return weights.reshape(16, 1, 6, 1)


def _alone_spreading() -> npt.NDArray[np.float64]:
    """Weights that sum up two planes, row by row in turn: (4, 1, 16, 16)."""
    weights = np.zeros((2, 2, 8, 2, 16))
    for share, plane in np.ndindex(2, 2):
        weights[share, plane, :, plane] = np.outer(_SHARES[share], _SPREAD)
    return weights.reshape(4, 1, 16, 16)


def _spreading(shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """A pixel's shares in the cells around it, by how near their middles are, for each of 16 channels."""
    return np.tile(_SPREAD.reshape(1, 1, *shape), (16, 1, 1, 1))


def _lines() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """For every direction the line before it, and the product of those around it.

    (9, 2) weights of a gradient's x and y, positive where it is beyond the line, and (9, 3) of their squares and
    their product, positive where it lies in the direction or its opposite.
    """
    directions = _DIRECTIONS.astype(np.float64)
    lines = directions - np.vstack([-directions[-1:], directions[:-1]])
    lines[_UPRIGHT] = lines[_UPRIGHT, 0] * np.array((1.0, _TILT))
    after = np.vstack([lines[1:], -lines[:1]])
    products = np.stack(
        [lines[:, 0] * after[:, 0], lines[:, 1] * after[:, 1], lines[:, 0] * after[:, 1] + lines[:, 1] * after[:, 0]],
        axis=1,
    )
    return lines * _LINEAR, -products * _QUADRATIC


def _mixing() -> npt.NDArray[np.float64]:
    """From what is summed up in cells to their histograms, (27, 18)."""
    sums = np.eye(18)
    total = sums[15]
    signless = [*sums[:8], total - sums[:8].sum(axis=0)]
    beyond = list(sums[8:15])
    for line, signed in zip(_ALONE, sums[16:], strict=True):
        beyond.insert(line, (total + signed) / 2)
    beyond.append(total - beyond[0])
    difference = [first - second for first, second in pairwise(beyond)]
    same = [(both + signed) / 2 for both, signed in zip(signless, difference, strict=True)]
    opposite = [(both - signed) / 2 for both, signed in zip(signless, difference, strict=True)]
    return np.array([*same, *opposite, *signless])


def _squares() -> npt.NDArray[np.float64]:
    """Sums over the four squares of two by two cells around a cell, in the order of dlib's textures."""
    weights = np.zeros((4, 1, 3, 3))
    for square, (row, column) in enumerate(((1, 1), (0, 1), (1, 0), (0, 0))):
        weights[square, 0, row : row + 2, column : column + 2] = 1
    return weights


def _sums() -> npt.NDArray[np.float64]:
    """From 27 numbers normalized in four ways to the features: sums over the ways, and over the directions."""
    weights = np.zeros((_CHANNELS, 4, 3 * _COUNT))
    weights[np.arange(27), :, np.arange(27)] = 1
    weights[27 + np.arange(4), np.arange(4), : 2 * _COUNT] = _TEXTURE
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


def _windows(scores: Expression, level: Expression, cell: int, limit: float) -> Expression:
    """The windows of a scale's scores that are at least ``limit``, float64 (n, 6): see ``_candidates``."""
    places = (scores >= limit).apply("NonZero", dtype=np.int64).apply("Transpose", perm=(1, 0))
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
