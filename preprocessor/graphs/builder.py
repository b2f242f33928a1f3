"""Builds an ONNX graph layer by layer from what a dlib network holds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from constants.exceptions import WeightsError
from preprocessor.dlib_files.network_format import Affine, Convolution, Layer, Pool, RgbInput

#: Version of ONNX's standard operators; every release of ONNX Runtime since 2022 has it.
OPSET = 17
#: Version of the file format that goes with those operators.
IR_VERSION = 8

#: Element type (of ``TensorProto``) and shape of a model's input or output.
Value = tuple[int, Sequence[str | int]]


class GraphBuilder:
    """Nodes and constants of a graph. A graph inside a node, such as a loop's body, has a builder of its own.

    ``depth`` is 0 for a model's own graph; a graph sees the values of those that it is inside of.
    """

    def __init__(self, prefix: str = "", depth: int = 0) -> None:
        self.depth = depth
        self._prefix = prefix
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._bodies = 0

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

    def named(self, name: str) -> str:
        """A name for an input or output of this graph that is used nowhere else in the model."""
        return self._prefix + name

    def body(self) -> "GraphBuilder":
        """A builder of a graph inside this one; no name in it is used elsewhere in the model."""
        self._bodies += 1
        return GraphBuilder(f"{self._prefix}body_{self._bodies}/", self.depth + 1)

    def normalised(self, planes: str, layer: RgbInput) -> str:
        """Float planes (n, 3, rows, columns) from 0 to 255 as dlib's networks take them."""
        means = self.constant(np.reshape(layer.means, (1, 3, 1, 1)), np.float32)
        # Two steps, as dlib does, not one multiplication and sum: so the values are the same to the last bit.
        return self.node("Mul", self.node("Sub", planes, means), self.constant((1 / 256,), np.float32))

    def convolution(self, source: str, layer: Convolution, beyond: int = 0) -> str:
        """``beyond`` more rows and columns of padding are added at the lower and the right edge."""
        weights, bias = self.constant(layer.weights, np.float32), self.constant(layer.bias, np.float32)
        window = _window(layer.weights.shape[2:], layer.stride, layer.padding, beyond)
        return self.node("Conv", source, weights, bias, **window)

    def pool(self, source: str, layer: Pool) -> str:
        window = _window(layer.window, layer.stride, layer.padding)
        return self.node("MaxPool" if layer.kind == "max" else "AveragePool", source, **window)

    def chain(self, source: str, layers: Sequence[Layer]) -> str:
        """Convolutions and rectifiers one after another."""
        for layer in layers:
            source = self.convolution(source, layer) if isinstance(layer, Convolution) else self.node("Relu", source)
        return source

    def graph(
        self,
        name: str,
        inputs: Sequence[onnx.ValueInfoProto],
        results: Sequence[str],
        outputs: Sequence[onnx.ValueInfoProto],
    ) -> onnx.GraphProto:
        """The finished graph; each of its outputs is one of the values ``results``, in turn."""
        named = zip(results, (output.name for output in outputs), strict=True)
        last = (helper.make_node("Identity", [result], [output], output) for result, output in named)
        return helper.make_graph([*self._nodes, *last], name, inputs, outputs, self._constants)

    def model(self, inputs: dict[str, Value], results: Sequence[str], outputs: dict[str, Value]) -> bytes:
        """The finished graph as a model, serialized."""
        given, wanted = (
            [helper.make_tensor_value_info(name, *value) for name, value in values.items()]
            for values in (inputs, outputs)
        )
        graph = self.graph(next(iter(outputs)), given, results, wanted)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))


def fold_affine(layers: Sequence[Layer]) -> list[Layer]:
    """The same layers with every affine one folded into the convolution before it."""
    folded: list[Layer] = []
    for layer in layers:
        before = folded[-1] if folded else None
        if isinstance(layer, Affine) and isinstance(before, Convolution):
            folded[-1] = _scaled(before, layer)
        else:
            folded.append(layer)
    return folded


def fold_input(layers: Sequence[Layer]) -> list[Layer]:
    """The same layers without the input's normalisation, which becomes part of the first convolution.

    Raises ``WeightsError`` where that convolution pads its input: zeros are no longer the mean then.
    """
    first, convolution, *rest = layers
    if not isinstance(first, RgbInput) or not isinstance(convolution, Convolution) or convolution.padding != (0, 0):
        raise WeightsError("The network does not begin with a convolution of pixels that needs no padding.")
    weights = convolution.weights.astype(np.float64) / 256
    bias = convolution.bias - np.einsum("fchw,c->f", weights, np.array(first.means))
    return [_convolution_like(convolution, weights, bias), *rest]


def _scaled(convolution: Convolution, affine: Affine) -> Convolution:
    scale = affine.scale.astype(np.float64)
    weights = convolution.weights * scale[:, None, None, None]
    bias = convolution.bias * scale + affine.offset
    return _convolution_like(convolution, weights, bias)


def _convolution_like(
    layer: Convolution, weights: npt.NDArray[np.float64], bias: npt.NDArray[np.float64]
) -> Convolution:
    return Convolution(weights.astype(np.float32), bias.astype(np.float32), layer.stride, layer.padding)


def _window(
    sides: Sequence[int], stride: tuple[int, int], padding: tuple[int, int], beyond: int = 0
) -> dict[str, Sequence[int]]:
    y, x = padding
    return {"kernel_shape": tuple(sides), "strides": stride, "pads": (y, x, y + beyond, x + beyond)}
