"""ONNX Runtime, told to compute in the thread that asks and to keep no thread of its own."""

from __future__ import annotations

from typing import Any

from inference.embeddings.onnx.bert import Floats
from inference.embeddings.onnx.graph import Graph
from inference.words import EngineError, Failure

ONLY_ERRORS = 3


def session(graph: bytes) -> Any:
    """Safe for threads."""
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = ONLY_ERRORS
    options.enable_mem_pattern = False  # one would be kept for every length of a text
    try:
        return onnxruntime.InferenceSession(graph, options, ["CPUExecutionProvider"])
    except Exception as error:
        raise EngineError(Failure.SERVER, f"ONNX Runtime takes no such graph: {error}") from error


class Linear:
    """`rows @ matrix.T + bias`. numpy's own product would spin up a thread for each core."""

    def __init__(self) -> None:
        graph = Graph()
        made = graph.op("Gemm", "rows", "matrix", "bias", transB=1)
        given = {"rows": ["rows", "in"], "matrix": ["out", "in"], "bias": ["out"]}
        self._session = session(graph.model(given, {made: ["rows", "out"]}))

    def __call__(self, rows: Floats, matrix: Floats, bias: Floats) -> Floats:
        given = {"rows": rows, "matrix": matrix, "bias": bias}
        made: Floats = self._session.run(None, given)[0]
        return made
