"""The head and its decision rule as one ONNX graph."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from constants.exceptions import BuildFailed
from constants.faces import ENCODING_SIZE
from constants.training import INPUT_SCALE, ONNX_IR_VERSION, ONNX_OPSET, PARITY_TOLERANCE, POSTERIOR_WEIGHT
from modelization.calibration import DecisionRule
from modelization.gallery import Gallery
from modelization.topology import Activation, Topology
from preprocessor.onnx_session import make_session

_Floats = npt.NDArray[np.floating]

#: The ONNX operator of each activation, with attributes that give Keras' definition.
_ACTIVATION_OPERATORS: dict[Activation, str] = {
    "relu": "Relu",
    "elu": "Elu",
    "selu": "Selu",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
}


@dataclass
class _Graph:
    """Nodes and weights gathered one after the other; ``add`` returns the name of what it computes."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        name = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def weight(self, name: str, value: _Floats | float, dtype: type[np.floating] = np.float32) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name


def export_head(
    topology: Topology,
    weights: Sequence[_Floats],
    gallery: Gallery,
    rule: DecisionRule,
    metadata: dict[str, str],
) -> bytes:
    """An ONNX model: ``encodings`` float32 (n, 128) in, ``confidence`` float32 (n, people) out.

    ``weights`` are the kernels and biases of the hidden layers and of the posterior, in turn. The person
    is the argmax of a row, named where the confidence is at least the threshold in the metadata.
    """
    graph = _Graph()
    # Doubles up to the angle: a cosine's last bit in float32 is worth 1e-5 of confidence.
    wide = graph.add("Cast", "encodings", to=TensorProto.DOUBLE)
    norm = graph.add("ReduceL2", wide, axes=[1], keepdims=1)
    unit = graph.add("Div", wide, graph.add("Max", norm, graph.weight("least_norm", 1e-12, np.float64)))
    posterior = _posterior(graph, unit, topology, weights)
    genuineness = _genuineness(graph, unit, gallery, rule)
    weighted = graph.add("Pow", posterior, graph.weight("posterior_weight", POSTERIOR_WEIGHT))
    graph.add("Mul", genuineness, weighted, output="confidence")
    return _serialised(graph, len(gallery.directions), metadata)


def recognizer_metadata(
    labels: Sequence[str], rule: DecisionRule, target_fpir: float, pipeline_version: str
) -> dict[str, str]:
    """What a user of the ONNX file alone needs to know."""
    return {
        "labels": json.dumps(list(labels), ensure_ascii=False),
        "threshold": repr(rule.threshold),
        "target_fpir": repr(target_fpir),
        "pipeline_version": pipeline_version,
    }


def prove_parity(model: bytes, encodings: npt.NDArray[np.float32], expected: _Floats) -> None:
    """Raise ``BuildFailed`` where ONNX Runtime's confidences are more than 1e-5 from ``expected``, (n, people)."""
    found = make_session(model).run(["confidence"], {"encodings": encodings})[0]
    difference = float(np.abs(found - expected).max())
    # Written so that NaN fails too.
    if not difference <= PARITY_TOLERANCE:
        raise BuildFailed(
            f"The exported head differs from the trained one by {difference:.1e}, more than {PARITY_TOLERANCE:.0e}; "
            "build it again, and report this if it stays."
        )


def _posterior(graph: _Graph, unit: str, topology: Topology, weights: Sequence[_Floats]) -> str:
    narrow = graph.add("Cast", unit, to=TensorProto.FLOAT)
    hidden = graph.add("Mul", narrow, graph.weight("input_scale", INPUT_SCALE))
    for number, (kernel, bias) in enumerate(zip(weights[::2], weights[1::2], strict=True)):
        hidden = graph.add(
            "Gemm", hidden, graph.weight(f"kernel_{number}", kernel), graph.weight(f"bias_{number}", bias)
        )
        if number < len(topology.layers):
            hidden = graph.add(_ACTIVATION_OPERATORS[topology.layers[number].activation], hidden)
    return graph.add("Softmax", hidden, axis=1)


def _genuineness(graph: _Graph, unit: str, gallery: Gallery, rule: DecisionRule) -> str:
    """logistic(slope * (midpoint - angle)), see ``modelization.calibration``.

    The angle is 2 asin(sqrt((1 - cosine) / 2)), the arc cosine without its loss of digits near one; runtimes
    have inverse sines of floats only.
    """
    cosine = graph.add("MatMul", unit, graph.weight("directions", gallery.directions.T, np.float64))
    apart = graph.add("Sub", graph.weight("one", 1.0, np.float64), cosine)
    half = graph.add("Mul", apart, graph.weight("half", 0.5, np.float64))
    squared_sine = graph.add("Clip", half, graph.weight("low", 0.0, np.float64), graph.weight("high", 1.0, np.float64))
    sine = graph.add("Sqrt", graph.add("Cast", squared_sine, to=TensorProto.FLOAT))
    angle = graph.add("Mul", graph.add("Asin", sine), graph.weight("two", 2.0))
    margin = graph.add("Sub", graph.weight("midpoint", rule.midpoint), angle)
    return graph.add("Sigmoid", graph.add("Mul", margin, graph.weight("slope", rule.slope)))


def _serialised(graph: _Graph, people: int, metadata: dict[str, str]) -> bytes:
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "head",
            [helper.make_tensor_value_info("encodings", TensorProto.FLOAT, ["faces", ENCODING_SIZE])],
            [helper.make_tensor_value_info("confidence", TensorProto.FLOAT, ["faces", people])],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", ONNX_OPSET)],
        ir_version=ONNX_IR_VERSION,
        producer_name="facial-recognizer",
    )
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())
