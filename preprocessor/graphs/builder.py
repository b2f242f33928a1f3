"""ONNX graphs as they are gathered, node by node, and the models that are made of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import compose, helper, numpy_helper

#: Version of ONNX's standard operators; every release of ONNX Runtime since 2022 has it.
OPSET = 17
#: Version of the file format that goes with those operators.
IR_VERSION = 8
#: Who made a model, in those that leave the service.
_PRODUCER = "facial-recognizer"


class GraphBuilder:
    """Nodes, constants, inputs and outputs of a graph; ``Expression`` is what writes them.

    A graph inside a node, such as a loop's body, has a builder of its own. ``depth`` is 0 for a model's own
    graph; a graph sees the values of those that it is inside of.
    """

    def __init__(self, prefix: str = "", depth: int = 0) -> None:
        self.depth = depth
        self._prefix = prefix
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[tuple[str, onnx.ValueInfoProto]] = []
        self._bodies = 0

    def input(self, value: onnx.ValueInfoProto) -> None:
        """Adds an input."""
        self._inputs.append(value)

    def output(self, name: str, value: onnx.ValueInfoProto) -> None:
        """Adds an output, which is the value called ``name``."""
        self._outputs.append((name, value))

    def constant(self, values: npt.ArrayLike, dtype: npt.DTypeLike) -> str:
        """The name of a new constant."""
        name = f"{self._prefix}constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(values, dtype, order="C"), name))
        return name

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """The name of what a new node gives."""
        return self.nodes(operator, 1, *inputs, **attributes)[0]

    def nodes(self, operator: str, count: int, *inputs: str, **attributes: Any) -> list[str]:
        """The names of the ``count`` values that a new node gives."""
        name = f"{self._prefix}{operator.lower()}_{len(self._nodes)}"
        results = [name, *(f"{name}_{number}" for number in range(1, count))]
        self._nodes.append(helper.make_node(operator, inputs, results, name, **attributes))
        return results

    def inlined(self, graph: onnx.GraphProto, **inputs: str) -> dict[str, str]:
        """The names that the outputs of a finished graph have as a part of this one, given those of its inputs.

        A builder takes one graph of a name.
        """
        prefix = f"{self._prefix}{graph.name}/"
        part = compose.add_prefix_graph(graph, prefix)
        self._nodes += [helper.make_node("Identity", [given], [prefix + name]) for name, given in inputs.items()]
        self._nodes += part.node
        self._constants += part.initializer
        return {output.name: prefix + output.name for output in graph.output}

    def named(self, name: str) -> str:
        """A name for an input or output of this graph that is used nowhere else in the model."""
        return self._prefix + name

    def body(self) -> "GraphBuilder":
        """A builder of a graph inside this one; no name in it is used elsewhere in the model."""
        self._bodies += 1
        return GraphBuilder(f"{self._prefix}body_{self._bodies}/", self.depth + 1)

    def graph(self, name: str) -> onnx.GraphProto:
        """The finished graph."""
        last = [helper.make_node("Identity", [result], [value.name], value.name) for result, value in self._outputs]
        outputs = [value for _, value in self._outputs]
        return helper.make_graph([*self._nodes, *last], name, self._inputs, outputs, self._constants)


def serialized(graph: onnx.GraphProto, metadata: Mapping[str, str] | None = None) -> bytes:
    """A model of a graph, checked; with ``metadata`` where it leaves the service."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    if metadata is not None:
        model.producer_name = _PRODUCER
        helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))
