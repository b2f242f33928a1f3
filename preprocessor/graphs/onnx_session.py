"""Sessions of ONNX Runtime, set up for a worker that has one core and little memory."""

from pathlib import Path

import onnxruntime

from preprocessor.free_memory import return_free_memory


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
    return_free_memory()
    return session
