"""dlib's CNN face detector (MMOD) run by ONNX Runtime: the same faces, some twenty-five times as fast."""

from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from constants.exceptions import WeightsError
from preprocessor.detector import Detector
from preprocessor.dlib_files.network_format import BoxOverlap, Convolution, MmodLoss, Network, RgbInput, read_network
from preprocessor.dlib_files.weights import MMOD_DETECTOR, SHA256, weights_path
from preprocessor.graphs.graph_store import GraphKey, GraphStore
from preprocessor.graphs.onnx_session import make_session
from preprocessor.tiled_pyramid import Planes, tiled_pyramid
from preprocessor.types import Box, DetectedFace, Pixels

#: Raised whenever the same weights give another graph than before.
GRAPH_REVISION = 1
#: A point with a higher score than this is a face; dlib's own limit.
THRESHOLD = 0.0
#: Pixels of the tiled picture that go through the first layers at once, which take about 30 bytes
#: for each; with fewer, more of the work is on rows that two bands share.
BAND_PIXELS = 1 << 19
#: Pixels that an upsampled picture's points are moved left and up by, once halved (``pyramid_down<2>``).
UPSAMPLING_SHIFT = (1.25, 0.75)

#: Boxes (n, 4): x and y of the first and of the last pixel.
_Corners = npt.NDArray[np.float64]


class MmodDetector(Detector):
    """Finds faces of 80 pixels or more, with each upsampling of half that; its graphs are kept in ``folder``."""

    name = "mmod"

    def __init__(self, folder: Path, upsample: int = 0) -> None:
        if upsample < 0:
            raise ValueError(f"upsample must be 0 or more, not {upsample}")
        self._folder = folder
        self._upsample = upsample

    @cached_property
    def _network(self) -> "_MmodNetwork":
        return _MmodNetwork(GraphStore(self._folder))

    def _detect(self, pixels: Pixels) -> list[DetectedFace]:
        planes = pixels.transpose(2, 0, 1).astype(np.float32, order="C")
        for _ in range(self._upsample):
            # dlib's ``pyramid_up``: these odd sides, and whole values, cut off and not rounded.
            planes = np.floor(self._network.resize(planes, 2 * planes.shape[1] + 1, 2 * planes.shape[2] + 2))
        corners, scores = self._network.faces(planes)
        for _ in range(self._upsample):
            corners = corners / 2 - np.tile(UPSAMPLING_SHIFT, 2)
        boxes = _rounded(corners)
        boxes[:, 2:] += 1
        return [DetectedFace(Box(*box), score) for box, score in zip(boxes.tolist(), scores.tolist(), strict=True)]


class _MmodNetwork:
    """The network's sessions, and what its file says of the way from scores to boxes."""

    def __init__(self, store: GraphStore) -> None:
        network = read_network(weights_path(MMOD_DETECTOR))
        first, loss = network.layers[0], network.loss
        if not isinstance(first, RgbInput) or not isinstance(loss, MmodLoss):
            raise WeightsError("The detector's weights are those of another network.")
        self._background = first.means
        self._window, self._overlap = loss.windows[0], loss.overlaps_nms
        self._view = FieldOfView.of(network)
        self._resize, self._features, self._scores = (
            make_session(store.path(_graph_key(part), partial(_build_graph, part, network)))
            for part in ("resize", "features", "scores")
        )

    def resize(self, planes: Planes, rows: int, columns: int) -> Planes:
        sides = np.array((1, 3, rows, columns), np.int64)
        resized: Planes = self._resize.run(["resized"], {"planes": planes[None], "sides": sides})[0][0]
        return resized

    def faces(self, planes: Planes) -> tuple[_Corners, npt.NDArray[np.float32]]:
        """Boxes and scores of a picture (3, rows, columns), the highest score first."""
        pyramid = tiled_pyramid(*planes.shape[1:])
        if min(pyramid.rows, pyramid.columns) < self._view.side:
            return np.empty((0, 4)), np.empty(0, np.float32)
        # The large picture is let go of before its features are scored: both together are the peak of memory.
        features = self._extract(pyramid.paint(planes, self.resize, self._background))
        scores = self._scores.run(["scores"], {"features": features})[0][0, 0]
        rows, columns = np.nonzero(scores > THRESHOLD)
        centres = np.stack([columns, rows], axis=1).astype(np.float64) * self._view.step + self._view.side // 2
        corners, found = _rounded(pyramid.to_picture(centres, self._window)), scores[rows, columns]
        order = np.argsort(-found, kind="stable")
        kept = order[_without_overlaps(corners[order], self._overlap)]
        return corners[kept], found[kept]

    def _extract(self, planes: Planes) -> npt.NDArray[np.float32]:
        """The features (1, channels, rows, columns) of a picture (3, rows, columns)."""
        bands = [self._features.run(["features"], {"planes": band[None]})[0] for band in self._bands(planes)]
        return bands[0] if len(bands) == 1 else np.concatenate(bands, axis=2)

    def _bands(self, planes: Planes) -> Iterator[Planes]:
        """Bands of rows that overlap as far as the features' views do: so the features are those of the whole."""
        side, step = self._view
        total = (planes.shape[1] - side) // step + 1
        each = max(BAND_PIXELS // planes.shape[2] // step, 1)
        for start in range(0, total, each):
            stop = min(start + each, total)
            yield planes[:, start * step : (stop - 1) * step + side]


class FieldOfView(NamedTuple):
    """What a feature sees of the planes: ``side`` pixels, ``step`` pixels on from those of the feature before."""

    side: int
    step: int

    @classmethod
    def of(cls, network: Network) -> "FieldOfView":
        """The field of view of all convolutions without padding: those with padding keep to the places they find."""
        side = step = 1
        for layer in network.layers:
            if isinstance(layer, Convolution) and layer.padding == (0, 0):
                side += (layer.weights.shape[2] - 1) * step
                step *= layer.stride[0]
        return cls(side, step)


def _graph_key(part: str) -> GraphKey:
    return GraphKey(f"mmod-{part}", SHA256[MMOD_DETECTOR], GRAPH_REVISION)


def _build_graph(part: str, network: Network) -> bytes:
    # Imported here: a worker that finds the graphs in their folder never loads the onnx package.
    from preprocessor.graphs.mmod_graph import features_graph, resize_graph, scores_graph

    match part:
        case "resize":
            return resize_graph()
        case "features":
            return features_graph(network)
    return scores_graph(network)


def _rounded(corners: _Corners) -> _Corners:
    """Whole numbers, halves away from zero as in C++, where numpy's rounding prefers even ones."""
    rounded: _Corners = np.copysign(np.floor(np.abs(corners) + 0.5), corners)
    return rounded


def _without_overlaps(corners: _Corners, overlap: BoxOverlap) -> list[int]:
    """The boxes left when each, the best first, removes those that it overlaps.

    dlib divides the common area by that of the smallest box around both, not by that of their union.
    """
    left = np.arange(len(corners))
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(int(best))
        box, others = corners[best], corners[left]
        inner = _areas(np.hstack([np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])]))
        outer = _areas(np.hstack([np.minimum(box[:2], others[:, :2]), np.maximum(box[2:], others[:, 2:])]))
        covered = inner / np.minimum(_areas(box[None]), _areas(others))
        left = left[(inner / outer <= overlap.iou) & (covered <= overlap.covered)]
    return kept


def _areas(corners: _Corners) -> npt.NDArray[np.float64]:
    sides: _Corners = np.maximum(corners[:, 2:] - corners[:, :2] + 1, 0)
    return sides[:, 0] * sides[:, 1]
