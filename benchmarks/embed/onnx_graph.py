"""all-MiniLM-L6-v2 as an ONNX graph built from its weights; runs where `onnx` is installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.embeddings import minilm

OPSET = 20
"""The first with Gelu."""
HEAD = minilm.WIDTH // minilm.HEADS


class Graph:
    """Nodes in order; every method adds some and says what their result is called."""

    def __init__(self, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        import onnx  # type: ignore[import-not-found]

        self._onnx = onnx
        self._weights = weights
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        made = f"{kind}_{len(self.nodes)}"
        self.nodes.append(self._onnx.helper.make_node(kind, inputs, [made], **attributes))
        return made

    def weight(self, name: str, *, turned: bool = False) -> str:
        array = np.ascontiguousarray(self._weights[name].T if turned else self._weights[name])
        return self.constant(name, array.astype(np.float32))

    def constant(self, name: str, array: npt.NDArray[Any]) -> str:
        self.constants[name] = self._onnx.numpy_helper.from_array(array, name)
        return name

    def linear(self, x: str, name: str) -> str:
        product = self.op("MatMul", x, self.weight(f"{name}.weight", turned=True))
        return self.op("Add", product, self.weight(f"{name}.bias"))

    def norm(self, x: str, name: str) -> str:
        scale, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=minilm.EPSILON)

    def heads(self, x: str, order: tuple[int, int, int]) -> str:
        shape = self.constant("heads", np.array([-1, minilm.HEADS, HEAD]))
        return self.op("Transpose", self.op("Reshape", x, shape), perm=order)


def write(path: Path, weights: Mapping[str, npt.NDArray[Any]]) -> None:
    """One text at a time: token numbers in, a vector of length one out."""
    import onnx

    graph = Graph(weights)
    x = _looked_up(graph)
    for number in range(minilm.LAYERS):
        x = _layer(graph, x, f"encoder.layer.{number}.")
    mean = graph.op("ReduceMean", x, graph.constant("rows", np.array([0])), keepdims=0)
    graph.nodes.append(onnx.helper.make_node("LpNormalization", [mean], ["vector"], axis=0, p=2))
    made = onnx.helper.make_graph(
        graph.nodes,
        minilm.NAME,
        [onnx.helper.make_tensor_value_info("ids", onnx.TensorProto.INT64, ["tokens"])],
        [onnx.helper.make_tensor_value_info("vector", onnx.TensorProto.FLOAT, [minilm.WIDTH])],
        list(graph.constants.values()),
    )
    opset = [onnx.helper.make_opsetid("", OPSET)]
    onnx.save(onnx.helper.make_model(made, opset_imports=opset, ir_version=10), str(path))


def _looked_up(graph: Graph) -> str:
    words = graph.op("Gather", graph.weight("embeddings.word_embeddings.weight"), "ids")
    size = graph.op("Shape", "ids")
    first, axis = graph.constant("first", np.array([0])), graph.constant("axis", np.array([0]))
    places = graph.weight("embeddings.position_embeddings.weight")
    summed = graph.op("Add", words, graph.op("Slice", places, first, size, axis))
    kinds = graph.weight("embeddings.token_type_embeddings.weight")
    kind = graph.op("Gather", kinds, graph.constant("kind", np.array(0)))
    return graph.norm(graph.op("Add", summed, kind), "embeddings.LayerNorm")


def _layer(graph: Graph, x: str, at: str) -> str:
    query, key, value = (
        graph.linear(x, f"{at}attention.self.{part}") for part in ("query", "key", "value")
    )
    scores = graph.op("MatMul", graph.heads(query, (1, 0, 2)), graph.heads(key, (1, 2, 0)))
    scale = graph.constant("scale", np.array(HEAD**-0.5, dtype=np.float32))
    weighed = graph.op("Softmax", graph.op("Mul", scores, scale), axis=-1)
    mixed = graph.op("MatMul", weighed, graph.heads(value, (1, 0, 2)))
    flat = graph.constant("flat", np.array([-1, minilm.WIDTH]))
    seen = graph.op("Reshape", graph.op("Transpose", mixed, perm=(1, 0, 2)), flat)
    seen = graph.linear(seen, f"{at}attention.output.dense")
    x = graph.norm(graph.op("Add", x, seen), f"{at}attention.output.LayerNorm")
    thought = graph.op("Gelu", graph.linear(x, f"{at}intermediate.dense"))
    told = graph.linear(thought, f"{at}output.dense")
    return graph.norm(graph.op("Add", x, told), f"{at}output.LayerNorm")
