"""Every face of a picture, as ``EveryFaceDetector`` finds them, as part of an ONNX graph."""

import numpy as np

from preprocessor.dlib_files.fhog_format import FhogDetector
from preprocessor.dlib_files.network_format import Network
from preprocessor.every_face_detector import SAME_COVERED, SAME_IOU
from preprocessor.graphs.detections_graph import Detections
from preprocessor.graphs.expression import Expression, concatenated, constant, maximum, minimum
from preprocessor.graphs.gradient_tables import add_gradient_tables
from preprocessor.graphs.grey_graph import add_grey
from preprocessor.graphs.hog_graph import add_hog
from preprocessor.graphs.loop import Turn, loop
from preprocessor.graphs.photo_mmod_graph import add_mmod
from preprocessor.hog_detector import LIMIT
from preprocessor.hog_graph_detector import SMALL_SCALES


def add_every_face(picture: Expression, hog: FhogDetector, mmod: Network) -> Detections:
    """The faces of a picture, whole float32 (rows, columns, 3) RGB, by falling score; boxes are their edges."""
    builder = picture.builder
    grey, tables = add_grey(picture), add_gradient_tables(builder)
    first = _with_edges(add_hog(grey, hog, tables))
    small = _with_edges(add_hog(grey, hog.halved(), tables, SMALL_SCALES))
    fresh = _fresh(small.boxes, first.boxes)
    boxes = concatenated([first.boxes, small.boxes.take(fresh)])
    scores = concatenated([first.scores, small.scores.take(fresh)]) - LIMIT

    def body(_: Expression, picture: Expression, *__: Expression) -> Turn:
        found = _with_edges(add_mmod(picture, mmod))
        return Turn([picture, found.boxes, found.scores])

    # A loop of at most one turn: the weights of what it seldom needs belong to its own graph.
    nobody = boxes.shape(end=1).reshaped() < 1
    _, boxes, scores = loop(builder, body, [picture, boxes, scores], constant(builder, 1, np.int64), nobody)
    scores, order = scores.largest(scores.shape())
    return Detections(boxes.take(order), scores)


def _with_edges(found: Detections) -> Detections:
    """Boxes as edges: those around the first and the last pixel."""
    return Detections(found.boxes + np.array((0, 0, 1, 1)), found.scores)


def _fresh(boxes: Expression, known: Expression) -> Expression:
    """Places, int64 (n,), of the boxes of faces that none of the ``known`` boxes is of."""
    each, other = (edges.apply("Unsqueeze", _axis(edges, axis)) for edges, axis in ((boxes, 1), (known, 0)))
    common = _area(
        maximum(each.part([0], [2], 2), other.part([0], [2], 2)),
        minimum(each.part([2], [4], 2), other.part([2], [4], 2)),
    )
    areas = [_area(edges.part([0], [2], 2), edges.part([2], [4], 2)) for edges in (each, other)]
    same = (common > (areas[0] + areas[1] - common) * SAME_IOU) | (common > minimum(*areas) * SAME_COVERED)
    return (same.to(np.int64).sum(1) < 1).apply("NonZero", dtype=np.int64).reshaped(-1)


def _area(starts: Expression, ends: Expression) -> Expression:
    sides = maximum(ends - starts, 0.0)
    return sides.take(0, axis=2) * sides.take(1, axis=2)


def _axis(value: Expression, axis: int) -> Expression:
    return constant(value.builder, (axis,), np.int64)
