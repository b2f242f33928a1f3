"""A part of a graph by itself, so that it can be run."""

from collections.abc import Callable, Sequence
from typing import Any

import onnxruntime
from onnx import helper

from preprocessor.graphs.builder import IR_VERSION, OPSET, GraphBuilder
from preprocessor.graphs.expression import Expression
from preprocessor.graphs.onnx_session import make_session


def part(build: Callable[..., Sequence[Expression]], **inputs: Any) -> onnxruntime.InferenceSession:
    """A session of what ``build`` makes of inputs of some types; its outputs are called 0, 1, …"""
    builder = GraphBuilder()
    given = [Expression.input(builder, name, dtype) for name, dtype in inputs.items()]
    for number, result in enumerate(build(*given)):
        result.output(str(number))
    graph = builder.graph("part")
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    return make_session(model.SerializeToString())
