"""dlib's shape predictor (Kazemi and Sullivan 2014, by regression trees) as part of an ONNX graph.

Every step has the number type and the order of dlib's own, so that the landmarks, which are whole
pixels, are dlib's: a sum in another order would round some of them to the other side.
"""

import numpy as np

from preprocessor.dlib_files.shape_predictor_format import DEPTH, ShapePredictor
from preprocessor.graphs.expression import Expression, concatenated, constant, maximum, minimum, stacked, where
from preprocessor.graphs.loop import scan
from preprocessor.graphs.similarity_graph import add_similarity


def add_landmarks(photo: Expression, box: Expression, predictor: ShapePredictor) -> Expression:
    """Landmarks, float64 (landmarks, 2) of whole numbers, in a photo, uint8 (rows, columns, 3).

    ``box`` is float64 (4,): the edges at the left, top, right and bottom of a face.
    """
    # As ``Aligner`` does: dlib's rectangles are whole pixels and include their last row and column.
    rectangle = box.apply("Round") - (0, 0, 1, 1)
    corner = rectangle.part([0], [2])
    size = rectangle.part([2], [4]) - corner
    builder = size.builder
    cascades = len(predictor.leaves)
    tables = (
        constant(builder, predictor.anchors, np.int32),
        constant(builder, predictor.offsets, np.float32),
        constant(builder, predictor.first, np.int32),
        constant(builder, predictor.second, np.int32),
        constant(builder, predictor.threshold, np.float32),
        constant(builder, predictor.leaves.reshape(cascades, -1, predictor.initial.size), np.float32),
    )

    def cascade(shape: Expression, anchors: Expression, offsets: Expression, *forest: Expression) -> Expression:
        points = _feature_points(shape, anchors, offsets, predictor)
        greys = _greys(photo, _pixels(points, corner, size))
        return _moved(shape, greys, forest, predictor)

    initial = constant(builder, predictor.initial, np.float32)
    shape = scan(builder, cascade, initial, predictor.initial.shape, tables)
    return _pixels(shape, corner, size)


def _feature_points(
    shape: Expression, anchors: Expression, offsets: Expression, predictor: ShapePredictor
) -> Expression:
    """Where the features are in the box's unit square, float32 (features, 2): they turn and grow with the shape."""
    transform = add_similarity(predictor.initial, shape.to(np.float64))
    cosine, sine = transform.cosine.to(np.float32), transform.sine.to(np.float32)
    x, y = offsets.take(0, axis=1), offsets.take(1, axis=1)
    return stacked([cosine * x - sine * y, sine * x + cosine * y], axis=1) + shape.take(anchors)


def _pixels(points: Expression, corner: Expression, size: Expression) -> Expression:
    """Points of the box's unit square as the whole pixels that they are in, float64 (n, 2)."""
    return (points.to(np.float64) * size + corner + 0.5).apply("Floor")


def _greys(photo: Expression, pixels: Expression) -> Expression:
    """Grey values at some pixels, float32 (n,); 0 beyond the photo's edge."""
    last = photo.shape(0, 2).take([1, 0]).to(np.float64) - 1.0
    within = minimum(maximum(pixels, 0.0), last)
    outside = (within - pixels).apply("Abs").sum(1) > 0
    colours = photo.apply("GatherND", within.to(np.int64).take([1, 0], axis=1))
    greys = colours.to(np.int32).sum(1) / 3
    return where(outside, 0, greys).to(np.float32)


def _moved(
    shape: Expression, greys: Expression, forest: tuple[Expression, ...], predictor: ShapePredictor
) -> Expression:
    """The shape after all trees of a cascade have added their leaf."""
    first, second, threshold, leaves = forest
    trees, splits = predictor.first.shape[1:]
    left = (greys.take(first) - greys.take(second) > threshold).to(np.int64)
    node = constant(left.builder, np.zeros((trees, 1)), np.int64)
    for _ in range(DEPTH):
        node = node * 2 + 2 - left.apply("GatherElements", node, axis=1)
    # A tree's leaves are the nodes after its splits; the trees' leaves stand one after another.
    rows = node + (np.arange(trees) * (splits + 1) - splits)[:, None]
    steps = leaves.take(rows.reshaped(-1))
    every = concatenated([shape.reshaped(1, -1), steps])
    # A running sum adds one tree after another, as dlib does.
    total = every.apply("CumSum", constant(left.builder, 0, np.int64))
    return total.take(-1).reshaped(-1, 2)
