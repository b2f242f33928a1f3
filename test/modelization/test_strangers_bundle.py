"""A bundle that a stranger made, given to ``run.py recognize``: its hashes are right, which is no signature."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from modelization.bundle.bundle_file import open_bundle, write_bundle
from test.modelization.conftest import Built

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]


@pytest.fixture
def recognize(built: Built, gallery: Path, tmp_path: Path) -> Callable[[bytes], subprocess.CompletedProcess[str]]:
    """What the command says of a bundle with another head."""

    def run(head: bytes) -> subprocess.CompletedProcess[str]:
        write_bundle(tmp_path / "bundle.zip", built.manifest, dict(open_bundle(built.path).files) | {"head.onnx": head})
        command = [sys.executable, str(ROOT / "run.py"), "recognize", "bundle.zip", str(next(gallery.rglob("*.jpg")))]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def head(people: int, kernel: TensorProto, *more: TensorProto, nodes: Sequence[onnx.NodeProto] = ()) -> bytes:
    encodings = helper.make_tensor_value_info("encodings", TensorProto.FLOAT, ["faces", 128])
    confidence = helper.make_tensor_value_info("confidence", TensorProto.FLOAT, ["faces", people])
    multiply = helper.make_node("MatMul", ["encodings", "kernel"], ["product" if nodes else "confidence"])
    graph = helper.make_graph([multiply, *nodes], "head", [encodings], [confidence], [kernel, *more])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def refused(ended: subprocess.CompletedProcess[str], sentence: str) -> None:
    assert (ended.returncode, ended.stdout) == (1, "")
    assert sentence in ended.stderr and "Traceback" not in ended.stderr


def test_one_that_reads_other_files_is_refused(built: Built, recognize: Callable, tmp_path: Path) -> None:
    people = len(built.manifest.labels)
    (tmp_path / "secret.bin").write_bytes(bytes(128 * people * 4))
    kernel = TensorProto(name="kernel", data_type=TensorProto.FLOAT, dims=[128, people])
    kernel.data_location = TensorProto.EXTERNAL
    kernel.external_data.add(key="location", value="secret.bin")
    refused(recognize(head(people, kernel)), "wants to read other files")


def test_one_that_asks_for_all_memory_is_refused(built: Built, recognize: Callable) -> None:
    people, side = len(built.manifest.labels), 100_000
    arrays = {
        "kernel": np.zeros((128, people), np.float32),
        "tall": np.zeros((side, 1), np.float32),
        "wide": np.zeros((1, side), np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["tall", "wide"], ["huge"]),  # 40 GB
        helper.make_node("ReduceMax", ["huge"], ["most"], keepdims=0),
        helper.make_node("Add", ["product", "most"], ["confidence"]),
    ]
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    refused(recognize(head(people, *tensors, nodes=nodes)), "cannot be run")


def test_one_that_answers_for_other_people_is_refused(built: Built, recognize: Callable) -> None:
    kernel = numpy_helper.from_array(np.zeros((128, 1), np.float32), "kernel")
    refused(recognize(head(1, kernel)), "not made for this recognizer's people")
