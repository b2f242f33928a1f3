"""A bundle in two files is the bundle, and networks are on the disk once."""

import io
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from constants.exceptions import BundleInvalid
from modelization.bundle.bundle_file import HEAD_ONNX, PHOTO_ONNX, open_bundle, write_bundle
from modelization.bundle.bundle_parts import NETWORKS, open_whole
from modelization.bundle.bundle_splitting import split_bundle
from modelization.bundle.download_formats import FORMATS, PAGE, open_format
from modelization.bundle.recognizer_page import can_make_pages
from test.modelization.conftest import Built

#: What a photo's networks are like: a tensor in a loop's body, and one of the graph itself.
WEIGHTS = [np.random.default_rng(seed).normal(size=(64, 64)).astype(np.float32) for seed in (1, 2)]


@pytest.fixture(scope="module")
def whole(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with a ``recognizer.onnx`` that has the head's tensors, and others."""
    bundle = open_bundle(built.path)
    inner = helper.make_graph([], "body", [], [], [numpy_helper.from_array(WEIGHTS[0], "inner")])
    head = onnx.load_from_string(bundle.files[HEAD_ONNX]).graph
    outer = [numpy_helper.from_array(WEIGHTS[1], "outer"), *head.initializer]
    graph = helper.make_graph([helper.make_node("Loop", ["", "go"], [], body=inner)], "photo", [], [], outer)
    path = tmp_path_factory.mktemp("whole") / "1-a.zip"
    model = helper.make_model(graph).SerializeToString(deterministic=True)
    write_bundle(path, built.manifest, {**bundle.files, PHOTO_ONNX: model})
    return path


def split(whole: Path, folder: Path, name: str = "1-a", alike: tuple[Path, ...] = ()) -> Path:
    shutil.copy(whole, folder / f"{name}.zip")
    return split_bundle(folder / f"{name}.zip", lambda _: alike)


def networks(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{NETWORKS}"))


def test_it_is_read_as_it_was_written(whole: Path, tmp_path: Path) -> None:
    own = split(whole, tmp_path)
    content = whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([own.name, networks(tmp_path)[0].name])
    with open_whole(own) as bundle:
        assert bundle.read() == content
    assert open_bundle(own) == open_bundle(whole)
    for form in FORMATS.values():
        if form is PAGE and not can_make_pages():
            continue
        (pieces, size), (same, _) = open_format(own, form), open_format(whole, form)
        read = b"".join(pieces)
        assert len(read) == size and read == b"".join(same)
        if form is not PAGE:
            assert read == (open_bundle(whole).files[form.member] if form.member else content)

    @given(st.integers(0, len(content) + 9), st.integers(0, 70_000))
    def from_anywhere(place: int, size: int) -> None:
        with open_whole(own) as bundle:
            assert bundle.seek(place) == place
            assert bundle.read(size) == content[place : place + size]
            assert bundle.seek(0, io.SEEK_END) == len(content)

    from_anywhere()


def test_what_is_common_is_in_the_networks_alone_and_what_is_somebodys_is_not(whole: Path, tmp_path: Path) -> None:
    own = split(whole, tmp_path)
    common, content = networks(tmp_path)[0].read_bytes(), own.read_bytes()
    for weights in WEIGHTS:
        assert weights.tobytes() in common and weights.tobytes() not in content
    head = onnx.load_from_string(open_bundle(whole).files[HEAD_ONNX]).graph
    large = [tensor.raw_data for tensor in head.initializer if len(tensor.raw_data) >= 4096]
    at_large = [tensor for tensor in large if tensor in common]
    assert len(at_large) == 3 and all(content.count(tensor) == 0 for tensor in at_large)
    own_ones = [tensor for tensor in large if tensor not in common]
    assert own_ones and all(content.count(tensor) == 2 for tensor in own_ones)
    assert len(common) == sum(len(tensor) for tensor in at_large) + sum(weights.nbytes for weights in WEIGHTS)


def test_networks_are_on_the_disk_once_until_the_last_bundle_is_gone(whole: Path, tmp_path: Path) -> None:
    first = split(whole, tmp_path)
    second = split(whole, tmp_path, "2-b", tuple(networks(tmp_path)))
    one, other = networks(tmp_path)
    assert one.stat().st_ino == other.stat().st_ino and one.stat().st_nlink == 2
    first.unlink()
    one.unlink()
    with open_whole(second) as bundle:
        assert bundle.read() == whole.read_bytes()


def test_what_is_damaged_gone_or_cannot_be_linked_is_not_linked(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split(whole, tmp_path)
    (good,) = networks(tmp_path)
    damaged = tmp_path / "damaged"
    damaged.write_bytes(good.read_bytes()[:-1] + b"\0")
    found = split(whole, tmp_path, "2-b", (damaged, tmp_path / "gone", good))
    assert networks(tmp_path)[1].stat().st_ino == good.stat().st_ino
    assert damaged.stat().st_nlink == 1

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    found = split(whole, tmp_path, "3-c", (good,))
    assert [path.stat().st_nlink for path in networks(tmp_path)] == [2, 2, 1]
    with open_whole(found) as bundle:
        assert bundle.read() == whole.read_bytes()


def test_a_download_goes_on_to_its_end_though_the_bundle_is_deleted(whole: Path, tmp_path: Path) -> None:
    own = split(whole, tmp_path)
    with open_whole(own) as bundle:
        begun = bundle.read(1000)
        for path in tmp_path.iterdir():
            path.unlink()
        assert begun + bundle.read() == whole.read_bytes()
    with pytest.raises(FileNotFoundError):
        open_whole(own)


@pytest.mark.parametrize("header", [b"", b"{}\n", b"[]\n", b'{"networks": "0", "pieces": [[1, 2]]}\n', b"\xff\n"])
def test_what_is_damaged_is_refused(tmp_path: Path, header: bytes) -> None:
    own = tmp_path / "1-a.own"
    own.write_bytes(header)
    with pytest.raises(BundleInvalid, match="damaged"):
        open_whole(own)


def test_a_bundle_without_networks_stays_whole(built: Built, tmp_path: Path) -> None:
    path = Path(shutil.copy(built.path, tmp_path / "1-a.zip"))
    assert split_bundle(path, lambda _: ()) == path
    assert zipfile.is_zipfile(path)
