"""What a core can do at its best, and how much of it a network's graph asks for."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from bench.harness import timed
from preprocessor.graphs.onnx_session import make_session

#: Side of the square matrices whose product is taken as the peak: large enough for every level of cache to be used.
_SIDE = 2048
#: Operations of one such product: a multiplication and an addition for every term.
_PRODUCT = 2 * _SIDE**3


def operations_per_second() -> float:
    """Floating-point operations a second of one large single-precision matrix product, on one thread.

    ONNX Runtime's product and not numpy's: some OpenBLAS builds do not know this machine's processor.
    """
    sides = ["n", "n"]
    product = helper.make_node("MatMul", ["left", "right"], ["product"])
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name in ("left", "right")]
    outputs = [helper.make_tensor_value_info("product", TensorProto.FLOAT, sides)]
    graph = helper.make_graph([product], "product", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = make_session(model.SerializeToString())
    matrices = np.random.default_rng(0).random((2, _SIDE, _SIDE), np.float32)
    seconds, _ = timed(session.run, None, {"left": matrices[0], "right": matrices[1]})
    return _PRODUCT / seconds


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
