from collections.abc import Iterator
from pathlib import Path

import onnx
import psutil
import pytest

from constants.exceptions import BuildFailed, MachineFault
from constants.settings import Settings
from modelization.bundle import portable_bundle
from modelization.bundle.bundle_file import HEAD_ONNX, open_bundle
from modelization.bundle.photo_proof import PhotoProof
from modelization.bundle.portable_bundle import add_portable_files
from modelization.recognizer import Recognizer
from test.modelization.conftest import Built


@pytest.fixture
def bundle(built: Built, tmp_path: Path) -> Path:
    copy = tmp_path / "recognizer.zip"
    copy.write_bytes(built.path.read_bytes())
    return copy


def test_the_bundle_gets_what_it_is_used_by_and_the_proof(
    bundle: Path, service_settings: Settings, astronaut_jpeg: bytes
) -> None:
    before = open_bundle(bundle)
    with PhotoProof(service_settings) as proof:
        manifest = add_portable_files(bundle, service_settings, [astronaut_jpeg], proof)
    after = open_bundle(bundle)
    assert after.manifest == manifest
    assert set(after.files) - set(before.files) == {"recognizer.onnx", "recognize.py", "demo.html", "drawing.py"}
    assert {name: after.files[name] for name in before.files} == before.files
    assert manifest.photo_parity is not None
    assert manifest.photo_parity["pictures"] == 2 and manifest.photo_parity["faces"] >= 4
    assert manifest.photo_parity["other_names"] == manifest.photo_parity["unpaired"] == 0
    assert bundle.stat().st_size < 36 * 2**20


def test_a_recognizer_is_loaded_without_reading_the_rest(bundle: Path) -> None:
    assert set(open_bundle(bundle, only={HEAD_ONNX}).files) == {HEAD_ONNX}
    assert Recognizer.load(bundle).labels


def test_a_file_that_is_not_the_service_fails_the_export(
    bundle: Path, service_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights of the encoder are a tenth smaller in it."""
    make = portable_bundle.make_photo_model

    def make_another(head: bytes, settings: Settings) -> bytes:
        model = onnx.load_from_string(make(head, settings))
        weights = next(tensor for tensor in _initializers(model.graph) if list(tensor.dims) == [256, 256, 3, 3])
        weights.CopyFrom(onnx.numpy_helper.from_array(0.9 * onnx.numpy_helper.to_array(weights), weights.name))
        return model.SerializeToString()

    monkeypatch.setattr(portable_bundle, "make_photo_model", make_another)
    before = bundle.read_bytes()
    with PhotoProof(service_settings) as proof, pytest.raises(BuildFailed, match="not the service's"):
        add_portable_files(bundle, service_settings, [], proof)
    assert bundle.read_bytes() == before


def test_a_proof_that_is_killed_says_nothing_of_the_file(bundle: Path, service_settings: Settings) -> None:
    with PhotoProof(service_settings) as proof:
        before = psutil.Process().children()
        proof.prepare()
        (process,) = set(psutil.Process().children()) - set(before)
        process.kill()
        with pytest.raises(MachineFault):
            add_portable_files(bundle, service_settings, [], proof)


def _initializers(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Those of a graph, and of the graphs that its nodes run."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _initializers(attribute.g)
