"""Heads of strangers: whether they want to read other files, found in the bytes of the model alone."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from constants.exceptions import BundleInvalid
from modelization.bundle.bundle_file import open_bundle
from modelization.bundle.external_tensors import refuse_external_tensors
from test.modelization.conftest import Built


def external(name: str = "kernel", location: str = "secret.bin") -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[128, 2], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", "0"), ("length", "1024")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def harmless(name: str = "kernel") -> TensorProto:
    return numpy_helper.from_array(np.zeros((128, 2), np.float32), name)


def model(*initializers: TensorProto, nodes=(), **graph: object) -> onnx.ModelProto:
    encodings = helper.make_tensor_value_info("encodings", TensorProto.FLOAT, ["faces", 128])
    confidence = helper.make_tensor_value_info("confidence", TensorProto.FLOAT, ["faces", 2])
    multiply = helper.make_node("MatMul", ["encodings", "kernel"], ["confidence"])
    made = helper.make_graph([*nodes, multiply], "head", [encodings], [confidence], list(initializers), **graph)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def branch(tensor: TensorProto) -> onnx.NodeProto:
    """A node with a graph in it, which has the tensor."""
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    inner = helper.make_graph([helper.make_node("Identity", [tensor.name], ["out"])], "inner", [], [out], [tensor])
    return helper.make_node("If", ["condition"], ["x"], then_branch=inner, else_branch=inner)


def sparse(tensor: TensorProto) -> onnx.SparseTensorProto:
    return onnx.SparseTensorProto(values=tensor, indices=numpy_helper.from_array(np.zeros(1, np.int64)), dims=[256])


def function(tensor: TensorProto) -> onnx.FunctionProto:
    node = helper.make_node("Constant", [], ["y"], value=tensor)
    return helper.make_function("own", "F", [], ["y"], [node], [helper.make_opsetid("", 17)])


def everywhere(tensor: TensorProto) -> dict[str, onnx.ModelProto]:
    """Models that have the tensor in each of the places where one may stand."""
    training = model(harmless())
    training.training_info.add().initialization.CopyFrom(model(tensor).graph)
    functions = model(harmless())
    functions.functions.append(function(tensor))
    return {
        "initializer": model(tensor),
        "sparse initializer": model(harmless(), sparse_initializer=[sparse(tensor)]),
        "constant": model(nodes=[helper.make_node("Constant", [], ["kernel"], value=tensor)]),
        "list": model(harmless(), nodes=[helper.make_node("Any", [], ["x"], tensors=[harmless(), tensor])]),
        "sparse constant": model(harmless(), nodes=[helper.make_node("Any", [], ["x"], value=sparse(tensor))]),
        "sparse list": model(harmless(), nodes=[helper.make_node("Any", [], ["x"], values=[sparse(tensor)])]),
        "branch": model(harmless(), nodes=[branch(tensor)]),
        "function": functions,
        "training": training,
    }


@pytest.mark.parametrize("place", everywhere(harmless()))
def test_wherever_it_stands_it_is_found(place: str) -> None:
    refuse_external_tensors(everywhere(harmless("own"))[place].SerializeToString())
    with pytest.raises(BundleInvalid, match="other files"):
        refuse_external_tensors(everywhere(external("own"))[place].SerializeToString())


def test_onnx_runtime_would_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that this is not refused for nothing: a file in a folder in which somebody runs a stranger's model."""
    (tmp_path / "secret.bin").write_bytes(np.arange(256, dtype=np.float32).tobytes())
    monkeypatch.chdir(tmp_path)
    content = model(external()).SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert session.run(None, {"encodings": np.ones((1, 128), np.float32)})[0][0, 0] == np.arange(0, 256, 2).sum()


def test_half_of_what_makes_it_external_suffices() -> None:
    placed, listed = external(), external()
    placed.ClearField("external_data")
    listed.ClearField("data_location")
    for tensor in (placed, listed):
        with pytest.raises(BundleInvalid, match="other files"):
            refuse_external_tensors(model(tensor).SerializeToString())


def test_a_graph_that_stands_twice_is_looked_at_twice() -> None:
    """Protocol buffers merge what stands twice."""
    twice = model(harmless()).SerializeToString() + model(external("second")).SerializeToString()
    assert len(onnx.load_from_string(twice).graph.initializer) == 2
    with pytest.raises(BundleInvalid, match="other files"):
        refuse_external_tensors(twice)


def test_a_recognizers_own_networks_pass(built: Built) -> None:
    refuse_external_tensors(open_bundle(built.path).files["head.onnx"])


@given(st.binary(max_size=200))
def test_what_is_no_model_is_refused_or_harmless(content: bytes) -> None:
    try:
        refuse_external_tensors(content)
    except BundleInvalid:
        return


@pytest.mark.parametrize(
    "content", [b"\x3a\xff\xff\xff\xff\x0f", b"\x3a" + b"\xff" * 11, b"\x3b", b"\x3a\x05ab", b"\x0d\x00"]
)
def test_damage_is_refused(content: bytes) -> None:
    with pytest.raises(BundleInvalid, match="damaged"):
        refuse_external_tensors(content)


def test_a_model_of_a_million_parts_or_of_graphs_in_graphs_is_refused() -> None:
    with pytest.raises(BundleInvalid, match="more parts"):
        refuse_external_tensors(b"\x10\x00" * 1_000_001)
    nested = model(harmless()).graph
    for _ in range(20):
        node = helper.make_node("If", ["c"], ["x"], then_branch=nested, else_branch=nested)
        outer = model(harmless()).graph
        outer.node.append(node)
        if outer.ByteSize() > 10_000_000:
            break
        nested = outer
    deep = helper.make_model(nested).SerializeToString()
    with pytest.raises(BundleInvalid, match="more parts"):
        refuse_external_tensors(deep)
