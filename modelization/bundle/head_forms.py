"""Every form of a head, and the proof that they are one recognizer."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from constants.exceptions import BuildFailed
from modelization.bundle.bundle_file import HEAD_KERAS, HEAD_ONNX, HEAD_TFLITE
from modelization.bundle.head_keras import ask_keras, ask_tflite, keras_file, tflite_file
from modelization.bundle.head_onnx import ask_onnx, export_head
from modelization.decision.decision_rule import Decider
from modelization.head_training import TrainedHead
from modelization.recognizer_network import build_recognizer_network
from modelization.topology import Topology

#: Largest difference of a confidence from the rule's that an export may show.
_TOLERANCE = 1e-5

_Floats = npt.NDArray[np.float32]

#: What asks a form for the confidences (n, people) of encodings (n, 128).
ASK: dict[str, Callable[[bytes, _Floats], _Floats]] = {
    HEAD_ONNX: ask_onnx,
    HEAD_KERAS: ask_keras,
    HEAD_TFLITE: ask_tflite,
}


def export_forms(
    head: TrainedHead, topology: Topology, decider: Decider, metadata: Mapping[str, str]
) -> dict[str, bytes]:
    """The content of each form's file; ``metadata`` is what the ONNX file says of itself."""
    recognizer = build_recognizer_network(head.model, decider)
    return {
        HEAD_ONNX: export_head(topology, head.weights(), decider, metadata),
        HEAD_KERAS: keras_file(recognizer),
        HEAD_TFLITE: tflite_file(recognizer),
    }


def prove_forms(files: Mapping[str, bytes], encodings: _Floats, expected: npt.NDArray[np.floating]) -> dict[str, float]:
    """How far each form's confidences are at the most from those ``expected`` of encodings, (n, people).

    Raises ``BuildFailed`` where that is more than 1e-5.
    """
    return {name: _prove(name, ask(files[name], encodings), expected) for name, ask in ASK.items()}


def _prove(name: str, found: _Floats, expected: npt.NDArray[np.floating]) -> float:
    difference = float(np.abs(found - expected).max())
    # Written so that NaN fails too.
    if not difference <= _TOLERANCE:
        raise BuildFailed(
            f"{name} differs from the trained recognizer by {difference:.1e}, more than {_TOLERANCE:.0e}; "
            "build it again, and report this if it stays."
        )
    return difference
