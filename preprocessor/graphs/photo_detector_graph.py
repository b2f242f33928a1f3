"""The MMOD detector from a photo's pixels to the boxes of its faces, as part of an ONNX graph.

What ``FacePipeline`` and ``MmodDetector`` do around the network is done here by the graph itself.
"""

from dataclasses import replace

import numpy as np

from constants.exceptions import WeightsError
from constants.faces import DETECTION_SIDE
from preprocessor.dlib_files.network_format import MmodLoss, Network, RgbInput
from preprocessor.graphs.detections_graph import Detections, add_rounded, add_without_overlaps
from preprocessor.graphs.expression import Expression, concatenated, constant, counted, maximum, minimum, stacked
from preprocessor.graphs.loop import Turn, loop
from preprocessor.graphs.mmod_graph import add_features, add_scores
from preprocessor.graphs.pyramid_graph import Layout, add_layout, add_painting, add_way_back
from preprocessor.mmod_detector import THRESHOLD, FieldOfView


def add_detector(photo: Expression, network: Network) -> Detections:
    """The faces of a photo, uint8 (rows, columns, 3) RGB of any size; boxes in its own pixels.

    Raises ``WeightsError`` for a network that is no such detector.
    """
    first, loss = network.layers[0], network.loss
    if not isinstance(first, RgbInput) or not isinstance(loss, MmodLoss):
        raise WeightsError("The detector's weights are those of another network.")
    sides = photo.shape(0, 2)
    small_sides = working_sides(sides)
    working = reduced(photo, small_sides)
    # The background between the tiles is the mean: with the mean taken away it is zero, and tiles can be added up.
    planes = stacked([(working - first.means).apply("Transpose", perm=(2, 0, 1))])
    centred = replace(network, layers=(replace(first, means=(0.0, 0.0, 0.0)), *network.layers[1:]))
    view = FieldOfView.of(network)
    layout = add_layout(small_sides, view.side)
    corners, scores = _candidates(planes, layout, centred, view)
    kept = add_without_overlaps(corners, loss.overlaps_nms)
    scale = sides.to(np.float64) / small_sides.to(np.float64)
    x, y = scale.take([1]), scale.take([0])
    # From the first and the last pixel to the edges around them.
    boxes = (corners.take(kept) + np.array((0, 0, 1, 1))) * concatenated([x, y, x, y])
    return Detections(boxes, scores.take(kept))


def working_sides(sides: Expression) -> Expression:
    """Rows and columns of the picture that the detector sees, int64 (2,)."""
    wide = sides.to(np.float64)
    scale = minimum(DETECTION_SIDE / wide.apply("ReduceMax", keepdims=1), 1.0)
    return maximum((wide * scale).apply("Round"), 1.0).to(np.int64)


def reduced(photo: Expression, sides: Expression) -> Expression:
    """A photo (rows, columns, 3) with smaller sides, whole float32, as OpenCV's INTER_AREA makes it."""
    return _averaged(_averaged(photo, sides, 0), sides, 1).apply("Round")


def _averaged(pixels: Expression, sides: Expression, axis: int) -> Expression:
    """Pixels (rows, columns, 3) averaged over areas along an axis, float32."""
    builder = pixels.builder
    before, after = pixels.shape(axis, axis + 1), sides.take([axis])
    scale = before.to(np.float64) / after.to(np.float64)
    start = counted(after).to(np.float64) * scale
    end = start + scale
    nearest = start.apply("Floor")
    shape = (-1, 1, 1) if axis == 0 else (1, -1, 1)

    def body(turn: Expression, total: Expression) -> Turn:
        place = nearest + turn.to(np.float64)
        share = maximum(minimum(end, place + 1.0) - maximum(start, place), 0.0) / scale
        taken = pixels.take(minimum(place.to(np.int64), before - 1), axis).to(np.float32)
        return Turn([total + taken * share.to(np.float32).reshaped(*shape)])

    # Without a reduction every place has one pixel; else an area may reach into one more.
    reach = (scale.apply("Ceil") + (scale > 1.0).to(np.float64)).to(np.int64).reshaped()
    return loop(builder, body, [constant(builder, 0, np.float32)], reach)[0]


def _candidates(
    planes: Expression, layout: Layout, network: Network, view: FieldOfView
) -> tuple[Expression, Expression]:
    """Every place that looks like a face, the best first: float64 (n, 4), first and last pixel, and scores (n,)."""
    scores = add_scores(add_features(add_painting(planes, layout), network), network).take(0).take(0)
    places = (scores > THRESHOLD).apply("NonZero", dtype=np.int64).apply("Transpose", perm=(1, 0))
    found = scores.apply("GatherND", places)
    best, order = found.largest(found.shape())
    centres = places.take(order).take([1, 0], axis=1).to(np.float64) * view.step + view.side // 2
    assert isinstance(network.loss, MmodLoss)
    return add_rounded(add_way_back(centres, layout.tiles, network.loss.windows[0])), best
