"""The scales in which dlib's frontal face detector sees a picture, as part of an ONNX graph."""

import numpy as np

from preprocessor.dlib_files.fhog_format import FhogDetector
from preprocessor.graphs.detections_graph import add_rounded
from preprocessor.graphs.expression import Expression, concatenated, constant, counted, maximum, minimum, where
from preprocessor.graphs.loop import Turn, loop
from preprocessor.tiled_pyramid import RATE, SHIFT, STEPS

#: Beyond the end of any axis.
_END = 1 << 30


def add_scales(sides: Expression, detector: FhogDetector, scales: int | None) -> Expression:
    """Rows and columns of every scale of a picture of some sides, int64 (n, 2): of all scales, or of the first ones."""
    builder = sides.builder

    def body(_: Expression, sides: Expression, last: Expression) -> Turn:
        # Whether there is a further scale, dlib finds out with a rectangle, which it rounds otherwise.
        last = add_rounded((last - SHIFT) * RATE)
        going = (last - smallest).apply("ReduceMin", keepdims=0) >= -1.0
        return Turn([sides * (STEPS - 1) / STEPS, last], [(sides, (2,))], going)

    smallest = tuple(reversed(detector.smallest))
    trips = None if scales is None else constant(builder, scales, np.int64)
    return loop(builder, body, [sides, sides.to(np.float64) - 1.0], trips)[2]


def add_resized(picture: Expression, sides: Expression) -> Expression:
    """A picture (rows, columns) of other sides, of whole numbers again, as dlib resizes it.

    One pixel more or less than dlib's moves scores by a thousandth, and ties are frequent: so the order of sums and
    the places' own errors are dlib's, too.
    """
    row_last, column_last = (picture.shape(axis, axis + 1) - 1 for axis in (0, 1))
    row_count, column_count = sides.take([0]), sides.take([1])
    rows = _between(counted(row_count).to(np.float64) * _scale(row_last, row_count), row_last)
    places, halves = _column_places(column_last, column_count)
    columns = _between(places, column_last)
    turned = picture.apply("Transpose", perm=(1, 0))
    # Whole rows are taken, which is quick, so columns are while the picture is turned.
    beside = [(turned.take(column).apply("Transpose", perm=(1, 0)), share) for column, share in columns]
    total = None
    for row, row_share in rows:
        for pixels, share in beside:
            part = pixels.take(row) * (row_share.reshaped(-1, 1) * share)
            total = part if total is None else total + part
    assert total is not None
    return (total + halves).apply("Floor")


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


def _between(places: Expression, last: Expression) -> list[tuple[Expression, Expression]]:
    """The two whole places that others lie between, and the share that each has, float32."""
    before = places.to(np.int64)
    share = places - before.to(np.float64)
    return [(before, (1.0 - share).to(np.float32)), (minimum(before + 1, last), share.to(np.float32))]
