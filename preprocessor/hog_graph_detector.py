"""dlib's frontal face detector run by ONNX Runtime: the graph that also finds faces where there is no dlib."""

from functools import cached_property
from pathlib import Path

import cv2
import onnxruntime

from preprocessor.detector import Detector
from preprocessor.dlib_files.fhog_format import frontal_face_detector
from preprocessor.graphs.graph_store import GraphKey, GraphStore
from preprocessor.graphs.onnx_session import make_session
from preprocessor.hog_detector import LIMIT
from preprocessor.types import Box, DetectedFace, Pixels

#: Raised whenever the same weights give another graph than before.
GRAPH_REVISION = 4
#: Scales in which faces of half the size are larger than in the last one before: each is 5/6 of the one before.
SMALL_SCALES = 4


class HogGraphDetector(Detector):
    """The faces of ``HogDetector``, with the same boxes and scores; its graphs are kept in ``folder``.

    Those of at least 80 pixels; or, with ``small``, those of 40 to 80, which dlib finds in the doubled picture. Here
    the same filters are laid over cells of half the side: a picture that is doubled shows no more of a face, and has
    four times the pixels.
    """

    name = "hog-graph"

    def __init__(self, folder: Path, small: bool = False) -> None:
        self._folder = folder
        self._small = small

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        key = GraphKey("hog-small" if self._small else "hog", frontal_face_detector().sha256, GRAPH_REVISION)
        return make_session(GraphStore(self._folder).path(key, self._graph))

    def _graph(self) -> bytes:
        # Imported here: a worker that finds the graph in its folder never loads the onnx package.
        from preprocessor.graphs.hog_graph import hog_graph

        detector = frontal_face_detector()
        return hog_graph(detector.halved(), SMALL_SCALES) if self._small else hog_graph(detector)

    def _detect(self, pixels: Pixels) -> list[DetectedFace]:
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        corners, scores = self._session.run(["corners", "scores"], {"grey": grey})
        return [
            DetectedFace(Box(left, top, right + 1, bottom + 1), float(score) - LIMIT)
            for (left, top, right, bottom), score in zip(corners.tolist(), scores, strict=True)
        ]
