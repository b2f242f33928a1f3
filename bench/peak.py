"""What a core can do at its best, and how much of it a network's graph asks for."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from bench.harness import timed
from preprocessor.graphs.builder import serialized
from preprocessor.graphs.onnx_session import make_session

#: Sides of the square matrices whose products are tried for the peak: where the largest wait for memory, or for the
#: second level of cache, smaller ones are faster, by a third on a Zen 4.
_SIDES = (512, 1024, 2048)


def operations_per_second() -> float:
    """Floating-point operations a second of the fastest of some large single-precision matrix products, on one thread.

    ONNX Runtime's product and not numpy's: some OpenBLAS builds do not know this machine's processor.
    """
    sides = ["n", "n"]
    product = helper.make_node("MatMul", ["left", "right"], ["product"])
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name in ("left", "right")]
    outputs = [helper.make_tensor_value_info("product", TensorProto.FLOAT, sides)]
    graph = helper.make_graph([product], "product", inputs, outputs)
    session = make_session(serialized(graph))
    reached = []
    for side in _SIDES:
        left, right = np.random.default_rng(0).random((2, side, side), np.float32)
        seconds, _ = timed(session.run, None, {"left": left, "right": right})
        # A multiplication and an addition for every term.
        reached.append(2 * side**3 / seconds)
    return max(reached)


def convolution_operations(path: Path, **inputs: tuple[int, ...]) -> int:
    """Floating-point operations of the convolutions and products of a graph, for ``inputs`` of those shapes.

    A multiplication and an addition count as two. Everything else in the graph is not counted.
    """
    model = onnx.load(path)
    for given in model.graph.input:
        for dimension, side in zip(given.type.tensor_type.shape.dim, inputs[given.name], strict=True):
            dimension.dim_value = side
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {value.name: _shape(value) for value in (*inferred.value_info, *inferred.output, *inferred.input)}
    shapes |= {weight.name: tuple(weight.dims) for weight in inferred.initializer}
    return sum(2 * _multiplications(node, shapes) for node in inferred.node)


def _multiplications(node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]]) -> int:
    if node.op_type not in ("Conv", "Gemm", "MatMul"):
        return 0
    outputs = int(np.prod(shapes[node.output[0]]))
    if node.op_type == "Conv":
        return outputs * int(np.prod(shapes[node.input[1]][1:]))
    return outputs * shapes[node.input[0]][-1]


def _shape(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    return tuple(dimension.dim_value for dimension in value.type.tensor_type.shape.dim)
