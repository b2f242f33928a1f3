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
GRAPH_REVISION = 1


class HogGraphDetector(Detector):
    """The faces of ``HogDetector``, with the same boxes and scores; its graphs are kept in ``folder``."""

    name = "hog-graph"

    def __init__(self, folder: Path, upsample: int = 0) -> None:
        if upsample < 0:
            raise ValueError(f"upsample must be 0 or more, not {upsample}")
        self._folder = folder
        self._upsample = upsample

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        key = GraphKey(f"hog-x{2**self._upsample}", frontal_face_detector().sha256, GRAPH_REVISION)
        return make_session(GraphStore(self._folder).path(key, self._graph))

    def _graph(self) -> bytes:
        # Imported here: a worker that finds the graph in its folder never loads the onnx package.
        from preprocessor.graphs.hog_graph import hog_graph

        return hog_graph(frontal_face_detector(), self._upsample, LIMIT)

    def _detect(self, pixels: Pixels) -> list[DetectedFace]:
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        corners, scores = self._session.run(["corners", "scores"], {"grey": grey})
        return [
            DetectedFace(Box(left, top, right + 1, bottom + 1), float(score) - LIMIT)
            for (left, top, right, bottom), score in zip(corners.tolist(), scores, strict=True)
        ]
