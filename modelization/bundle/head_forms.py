"""Every form of a head, and the proof that they are one recognizer."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from constants.exceptions import BuildFailed
from modelization.bundle.bundle_file import HEAD_KERAS, HEAD_ONNX, HEAD_TFLITE
from modelization.bundle.head_keras import ask_keras, ask_tflite, keras_file, tflite_file
from modelization.bundle.head_onnx import ask_onnx, export_head
from modelization.bundle.near_onnx import export_near_head
from modelization.decision.background import Background
from modelization.decision.decision_rule import Decider
from modelization.decision.near_decider import NearDecider
from modelization.face_recognizer import MAX_CANDIDATES
from modelization.head_training import TrainedHead
from modelization.near_network import build_near_network
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
    head: TrainedHead, topology: Topology, decider: Decider, background: Background, metadata: Mapping[str, str]
) -> dict[str, bytes]:
    """The content of each form's file; ``metadata`` is what the ONNX file says of itself."""
    recognizer = build_recognizer_network(head.model, decider)
    return {
        HEAD_ONNX: export_head(topology, head.weights(), decider, background, metadata),
        HEAD_KERAS: keras_file(recognizer),
        HEAD_TFLITE: tflite_file(recognizer),
    }


def export_near_forms(decider: NearDecider, metadata: Mapping[str, str]) -> dict[str, bytes]:
    """The same of a recognizer of many people, who have no head."""
    recognizer = build_near_network(decider)
    return {
        HEAD_ONNX: export_near_head(decider, metadata),
        HEAD_KERAS: keras_file(recognizer),
        HEAD_TFLITE: tflite_file(recognizer),
    }


def prove_forms(files: Mapping[str, bytes], encodings: _Floats, expected: npt.NDArray[np.floating]) -> dict[str, float]:
    """How far each form's confidences are at the most from those ``expected`` of encodings, (n, people).

    Raises ``BuildFailed`` where that is more than 1e-5.
    """
    return {name: _prove(name, np.abs(ask(files[name], encodings) - expected)) for name, ask in ASK.items()}


def prove_near_forms(
    files: Mapping[str, bytes], encodings: _Floats, expected: npt.NDArray[np.floating]
) -> dict[str, float]:
    """The same of a recognizer of many people, by each face's candidates, and by nobody else being more likely.

    Who is last on a shortlist may depend on the last bit.
    """
    first = np.argsort(-expected, axis=1, kind="stable")[:, :MAX_CANDIDATES]
    least = np.take_along_axis(expected, first[:, -1:], axis=1)
    found = {name: ask(files[name], encodings) for name, ask in ASK.items()}
    return {
        name: _prove(
            name,
            np.maximum(
                np.abs(np.take_along_axis(said - expected, first, axis=1)).max(axis=1),
                np.max(said - np.maximum(expected, least), axis=1),
            ),
        )
        for name, said in found.items()
    }


def _prove(name: str, apart: npt.NDArray[np.floating]) -> float:
    difference = float(apart.max())
    # Written so that NaN fails too.
    if not difference <= _TOLERANCE:
        raise BuildFailed(
            f"{name} differs from the trained recognizer by {difference:.1e}, more than {_TOLERANCE:.0e}; "
            "build it again, and report this if it stays."
        )
    return difference
