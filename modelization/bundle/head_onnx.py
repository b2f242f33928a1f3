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
from constants.training import (
    INPUT_SCALE,
    LEAST_POSTERIOR,
    MAX_LEAD,
    ONNX_IR_VERSION,
    ONNX_OPSET,
    PARITY_TOLERANCE,
)
from modelization.decision.decision_rule import Decider
from modelization.decision.evidence import EVIDENCE
from modelization.decision.gallery import Gallery
from modelization.decision.gallery import unit as to_unit
from modelization.decision.two_covariance import TwoCovariance
from modelization.topology import Activation, Topology
from preprocessor.graphs.onnx_session import make_session

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

    def weight(self, name: str, value: _Floats | float) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def double(self, name: str, value: _Floats | float) -> str:
        """A weight for arithmetic in doubles; tables are kept as float32, which is what they were made from."""
        if np.ndim(value) < 2:
            self.weights.append(numpy_helper.from_array(np.asarray(value, np.float64), name))
            return name
        return self.add("Cast", self.weight(f"{name}_table", value), to=TensorProto.DOUBLE)

    @property
    def axis(self) -> str:
        """The axis of a sum over a face's numbers."""
        if "axis" not in {weight.name for weight in self.weights}:
            self.weights.append(numpy_helper.from_array(np.array([1], np.int64), "axis"))
        return "axis"


def export_head(
    topology: Topology,
    weights: Sequence[_Floats],
    decider: Decider,
    metadata: dict[str, str],
) -> bytes:
    """An ONNX model: ``encodings`` float32 (n, 128) in, ``confidence`` and ``posterior`` float32 (n, people) out.

    ``weights`` are the kernels and biases of the hidden layers and of the posterior, in turn. The person
    is the argmax of a row of confidences, named where that is at least the threshold in the metadata;
    ``posterior`` is the head's own opinion, over these people alone.
    """
    graph = _Graph()
    # Doubles up to the logit: the last bit of a cosine in float32 is worth 1e-5 of confidence.
    wide = graph.add("Cast", "encodings", to=TensorProto.DOUBLE)
    norm = graph.add("ReduceL2", wide, axes=[1], keepdims=1)
    unit = graph.add("Div", wide, graph.add("Max", norm, graph.double("least_norm", 1e-12)))
    posterior = _posterior(graph, unit, topology, weights)
    logit = _logit(graph, _evidence(graph, wide, unit, posterior, decider), decider)
    graph.add("Sigmoid", graph.add("Cast", logit, to=TensorProto.FLOAT), output="confidence")
    return _serialised(graph, len(decider.gallery.faces), metadata)


def recognizer_metadata(
    labels: Sequence[str], threshold: float, target_fpir: float, pipeline_version: str
) -> dict[str, str]:
    """What a user of the ONNX file alone needs to know."""
    return {
        "labels": json.dumps(list(labels), ensure_ascii=False),
        "threshold": repr(threshold),
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
    return graph.add("Softmax", hidden, axis=1, output="posterior")


def _evidence(graph: _Graph, wide: str, unit: str, posterior: str, decider: Decider) -> dict[str, str]:
    """What differs from face to face of ``EVIDENCE`` in ``decision/evidence.py``: doubles (n, people) or (n, 1)."""
    model, gallery = decider.model, decider.gallery
    mean = model.mean[:, None]
    cosine = graph.add("MatMul", unit, graph.double("directions", to_unit(gallery.unit_means).T))
    distance = _distance(graph, wide, gallery)
    toward_mean = graph.add("MatMul", unit, graph.double("population_mean", mean))
    turned = graph.add("MatMul", unit, graph.double("between", model.between))
    spread = graph.add("Sqrt", graph.add("ReduceSum", graph.add("Mul", turned, unit), graph.axis, keepdims=1))
    least = graph.double("least_posterior", LEAST_POSTERIOR)
    wide_posterior = graph.add("Cast", posterior, to=TensorProto.DOUBLE)
    return {
        "cosine": cosine,
        "distance": distance,
        "lead": _lead(graph, distance),
        "likelihood_ratio": _likelihood_ratio(graph, unit, model, gallery),
        "specificity": graph.add("Div", graph.add("Sub", cosine, toward_mean), spread),
        "typicality": graph.add("Div", toward_mean, graph.double("mean_length", float(np.linalg.norm(mean)))),
        "posterior": graph.add("Log", graph.add("Max", wide_posterior, least)),
    }


def _distance(graph: _Graph, wide: str, gallery: Gallery) -> str:
    product = graph.add("MatMul", wide, graph.double("twice_means", 2 * gallery.means.T))
    lengths = graph.add("ReduceSumSquare", wide, axes=[1], keepdims=1)
    both = graph.add("Add", lengths, graph.double("squared_means", (gallery.means**2).sum(axis=1)))
    squared = graph.add("Max", graph.add("Sub", both, product), graph.double("nothing", 0.0))
    return graph.add("Sqrt", squared)


def _lead(graph: _Graph, distance: str) -> str:
    """Of the nearest person, how far the second is behind; of the others, how far they are behind the nearest."""
    first = graph.add("ReduceMin", distance, axes=[1], keepdims=1)
    is_first = graph.add("Equal", distance, first)
    rest = graph.add("Where", is_first, graph.double("far", np.inf), distance)
    # Two may be equally near, as one person under two labels is: then the second is as near as the first.
    nearest = graph.add("ReduceSum", graph.add("Cast", is_first, to=TensorProto.DOUBLE), graph.axis, keepdims=1)
    alone = graph.add("Less", nearest, graph.double("two", 2.0))
    second = graph.add("Where", alone, graph.add("ReduceMin", rest, axes=[1], keepdims=1), first)
    nearest_other = graph.add("Where", is_first, second, first)
    lead = graph.add("Sub", nearest_other, distance)
    return graph.add("Clip", lead, graph.double("least_lead", -MAX_LEAD), graph.double("most_lead", MAX_LEAD))


def _likelihood_ratio(graph: _Graph, unit: str, model: TwoCovariance, gallery: Gallery) -> str:
    ratio = model.ratios(gallery)
    centred = graph.add("Sub", unit, graph.double("mean_row", model.mean))
    z = graph.add("MatMul", centred, graph.double("axes", model.axes))
    curved = graph.add("MatMul", graph.add("Mul", z, z), graph.double("curve", ratio.curve))
    sloped = graph.add("MatMul", z, graph.double("slope", ratio.slope))
    return graph.add("Add", graph.add("Add", curved, sloped), graph.double("level", ratio.level))


def _logit(graph: _Graph, evidence: dict[str, str], decider: Decider) -> str:
    """The evidence as the rule weighs it; what is the same for every face is one number a person."""
    gallery, rule = decider.gallery, decider.rule
    weights = dict(zip(EVIDENCE, rule.weights, strict=True))
    fixed = weights["length"] * np.linalg.norm(gallery.means, axis=1) + weights["people"] * np.log(len(gallery.faces))
    logit = graph.double("fixed", fixed + rule.bias)
    for name, values in evidence.items():
        if weights[name]:
            logit = graph.add("Add", logit, graph.add("Mul", values, graph.double(f"weight_{name}", weights[name])))
    return logit


def _serialised(graph: _Graph, people: int, metadata: dict[str, str]) -> bytes:
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "head",
            [helper.make_tensor_value_info("encodings", TensorProto.FLOAT, ["faces", ENCODING_SIZE])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["faces", people])
                for name in ("confidence", "posterior")
            ],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", ONNX_OPSET)],
        ir_version=ONNX_IR_VERSION,
        producer_name="facial-recognizer",
    )
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())
