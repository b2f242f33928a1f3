"""dlib's encoder run by ONNX Runtime: the same encodings, some twenty-five times as fast."""

from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime

from preprocessor.dlib_files.weights import ENCODER, SHA256, weights_path
from preprocessor.encoder import Encoder
from preprocessor.graphs.graph_store import GraphKey, GraphStore
from preprocessor.graphs.onnx_session import make_session
from preprocessor.types import Floats, Pixels

#: Chips in one run. Four already take the least time each; a chip takes about 2 MB while it is encoded.
BATCH = 8
#: Raised whenever the same weights give another graph than before.
GRAPH_REVISION = 1


class OnnxEncoder(Encoder):
    """dlib's face recognition ResNet, run by ONNX Runtime; its graph is kept in ``folder``."""

    name = "onnx"

    def __init__(self, folder: Path) -> None:
        self._store = GraphStore(folder)

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        key = GraphKey("encoder", SHA256[ENCODER], GRAPH_REVISION)
        return make_session(self._store.path(key, _build_graph))

    def _encode(self, chips: Pixels) -> Floats:
        batches = (chips[start : start + BATCH] for start in range(0, len(chips), BATCH))
        return np.concatenate([self._session.run(["encodings"], {"chips": batch})[0] for batch in batches])


def _build_graph() -> bytes:
    # Imported here: a worker that finds the graph in its folder never loads the onnx package.
    from preprocessor.dlib_files.network_format import read_network
    from preprocessor.graphs.encoder_graph import encoder_graph

    return encoder_graph(read_network(weights_path(ENCODER)))
