"""A graph is built once, and never taken from a damaged file."""

import multiprocessing
from pathlib import Path

import pytest

from preprocessor.graphs.graph_store import GraphKey, GraphStore

KEY = GraphKey("encoder", "a" * 64, 1)


class Builds:
    """A builder that counts how often it is asked."""

    def __init__(self, content: bytes = b"graph" * 1000) -> None:
        self.content = content
        self.count = 0

    def __call__(self) -> bytes:
        self.count += 1
        return self.content


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "graphs"


@pytest.fixture
def build() -> Builds:
    return Builds()


def test_a_graph_is_built_once(folder, build):
    for _ in range(3):
        assert GraphStore(folder).path(KEY, build).read_bytes() == build.content
    assert build.count == 1


def test_the_file_names_weights_and_revision(folder, build):
    GraphStore(folder).path(KEY, build)
    (path,) = folder.iterdir()
    assert path.name.startswith(f"encoder-{'a' * 64}-r1-") and path.suffix == ".onnx"


@pytest.mark.parametrize(
    "other", [GraphKey("encoder", "b" * 64, 1), GraphKey("encoder", "a" * 64, 11), GraphKey("mmod", "a" * 64, 1)]
)
def test_another_key_is_another_graph(folder, build, other):
    GraphStore(folder).path(KEY, build)
    assert GraphStore(folder).path(other, Builds(b"other")).read_bytes() == b"other"
    assert GraphStore(folder).path(KEY, build).read_bytes() == build.content


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: b"x" + content[1:], lambda _: b""])
def test_a_damaged_file_is_built_again(folder, build, damage):
    store = GraphStore(folder)
    store.path(KEY, build)
    (path,) = folder.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert store.path(KEY, build) == store.path(KEY, build) == path
    assert path.read_bytes() == build.content
    assert build.count == 2


def test_a_failed_build_leaves_nothing(folder):
    def fail() -> bytes:
        raise RuntimeError("no graph")

    with pytest.raises(RuntimeError, match="no graph"):
        GraphStore(folder).path(KEY, fail)
    assert not folder.exists() or not list(folder.iterdir())


def test_a_failed_write_leaves_nothing(folder, build, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        GraphStore(folder).path(KEY, build)
    assert not list(folder.iterdir())


def _load(folder: Path, start: "multiprocessing.synchronize.Barrier") -> None:
    start.wait()
    if GraphStore(folder).path(KEY, Builds()).read_bytes() != Builds().content:
        raise SystemExit(1)


def test_processes_may_build_the_same_graph_at_once(folder):
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(3)
    processes = [context.Process(target=_load, args=(folder, start)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(list(folder.iterdir())) == 1
