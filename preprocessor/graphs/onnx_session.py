"""Sessions of ONNX Runtime, set up for a worker that has one core and little memory."""

import ctypes
from pathlib import Path

import onnxruntime


def make_session(graph: Path | bytes) -> onnxruntime.InferenceSession:
    """A session on the processor with one thread, for a graph: a file, or, for a small one, its bytes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # The arena and its patterns would keep the memory of the largest input ever seen, for no speed.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    # A large graph comes from its file: its bytes the session would keep for as long as it lives.
    source = graph if isinstance(graph, bytes) else str(graph)
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    _return_free_memory()
    return session


def _return_free_memory() -> None:
    """Gives the system back what loading a graph took: 45 MB for the encoder, which glibc would keep."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
