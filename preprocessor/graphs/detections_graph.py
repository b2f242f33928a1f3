"""What a detector finds, and which of it is left, as part of an ONNX graph."""

from typing import NamedTuple

import numpy as np

from preprocessor.dlib_files.network_format import BoxOverlap
from preprocessor.graphs.expression import Expression, maximum, minimum
from preprocessor.graphs.loop import Turn, loop


class Detections(NamedTuple):
    """Faces by falling score: boxes float64 (faces, 4), scores float32 (faces,)."""

    boxes: Expression
    scores: Expression


def add_rounded(corners: Expression) -> Expression:
    """Whole numbers, halves away from zero, where ONNX's rounding prefers even ones."""
    return corners.apply("Sign") * (corners.apply("Abs") + 0.5).apply("Floor")


def add_without_overlaps(corners: Expression, overlap: BoxOverlap) -> Expression:
    """Numbers, int64 (faces,), of the boxes left when each, the best first, removes those that it overlaps.

    ``corners`` is float64 (n, 4), the first and the last pixel of each. As in ``mmod_detector``: the common area
    over that of the smallest box around both, or over the smaller of the two.
    """
    builder = corners.builder
    starts, ends = corners.part([0], [2], 1), corners.part([2], [4], 1)
    areas = _area(starts, ends)

    def body(_: Expression, left: Expression) -> Turn:
        best = left.to(np.int32).apply("ArgMax", dtype=np.int64, axis=0, keepdims=0)
        start, end = starts.take(best), ends.take(best)
        inner = _area(maximum(starts, start), minimum(ends, end))
        outer = _area(minimum(starts, start), maximum(ends, end))
        apart = inner / outer <= overlap.iou
        if overlap.covered < 1:
            apart = apart & (inner / minimum(areas, areas.take(best)) <= overlap.covered)
        left = left & apart
        return Turn([left], [(best, ())], add_any(left))

    everyone = corners.take(0, axis=1).apply("IsNaN", dtype=bool).apply("Not")
    return loop(builder, body, [everyone], going=add_any(everyone))[1]


def add_any(values: Expression) -> Expression:
    """Whether one of some truth values holds, of which there may be none."""
    return values.to(np.int64).sum() > 0


def _area(start: Expression, end: Expression) -> Expression:
    sides = maximum(end - start + 1.0, 0.0)
    return sides.take(0, axis=1) * sides.take(1, axis=1)
