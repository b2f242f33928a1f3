"""The MMOD detector from a picture's pixels to the boxes of its faces, as part of an ONNX graph.

What ``MmodDetector`` does around the network is done here by the graph itself.
"""

from dataclasses import replace

import numpy as np

from constants.exceptions import WeightsError
from preprocessor.dlib_files.network_format import MmodLoss, Network, RgbInput
from preprocessor.graphs.detections_graph import Detections, add_rounded, add_without_overlaps
from preprocessor.graphs.expression import Expression, stacked
from preprocessor.graphs.mmod_graph import add_features, add_scores
from preprocessor.graphs.pyramid_graph import Layout, add_layout, add_painting, add_way_back
from preprocessor.mmod_detector import THRESHOLD, FieldOfView


def add_mmod(picture: Expression, network: Network) -> Detections:
    """The faces of a picture, float32 (rows, columns, 3) RGB; boxes are corners, the first and the last pixel.

    Raises ``WeightsError`` for a network that is no such detector.
    """
    first, loss = network.layers[0], network.loss
    if not isinstance(first, RgbInput) or not isinstance(loss, MmodLoss):
        raise WeightsError("The detector's weights are those of another network.")
    # The background between the tiles is the mean: with the mean taken away it is zero, and tiles can be added up.
    planes = stacked([(picture - first.means).apply("Transpose", perm=(2, 0, 1))])
    centred = replace(network, layers=(replace(first, means=(0.0, 0.0, 0.0)), *network.layers[1:]))
    view = FieldOfView.of(network)
    layout = add_layout(picture.shape(0, 2), view.side)
    corners, scores = _candidates(planes, layout, centred, view)
    kept = add_without_overlaps(corners, loss.overlaps_nms)
    return Detections(corners.take(kept), scores.take(kept))


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
