"""BERT's layers as an ONNX graph: matrices in eight bits, everything between them in 32."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from inference.embeddings.onnx import eight_bits
from inference.embeddings.onnx.bert import MEAN, Bert, Floats
from inference.embeddings.onnx.graph import Graph
from inference.embeddings.onnx.sample import Sample, Seen

ROWS = "rows"
"""The graph's input: for each token of one text the sum of its rows of the three tables."""
PARTS = ("weight", "bias")
FIRST_NORM = tuple(f"token_embd_norm.{part}" for part in PARTS)
ATTENTION = ("attn_q", "attn_k", "attn_v", "attn_output", "attn_output_norm")
FEED_FORWARD = ("ffn_up", "ffn_down", "layer_output_norm")
OF_A_LAYER = tuple(f"{name}.{part}" for name in (*ATTENTION, *FEED_FORWARD) for part in PARTS)


def model(bert: Bert, texts: Sequence[Floats], *, unsigned: bool) -> bytes:
    """What enters `texts` as rows says how eight bits are laid out."""
    first = {name: bert.weight(name) for name in FIRST_NORM}
    passing = Sample(bert.shape, texts)
    passing.normed(first, "token_embd")
    graph, width = Graph(), bert.shape.width
    x = graph.op(
        "LayerNormalization",
        ROWS,
        *(graph.constant(name, first[name]) for name in FIRST_NORM),
        axis=-1,
        epsilon=bert.shape.epsilon,
    )
    for number in range(bert.shape.layers):
        weights = {name: bert.weight(f"blk.{number}.{name}") for name in OF_A_LAYER}
        seen = passing.through(weights)
        x = _Layer(graph, bert, weights, number=number, unsigned=unsigned).added(x, seen)
    return graph.model({ROWS: ["rows", width]}, {_pooled(graph, x, bert): [width]})


def _pooled(graph: Graph, x: str, bert: Bert) -> str:
    first = graph.constant("first", np.array([0]))
    if bert.shape.pooling == MEAN:
        return graph.op("ReduceMean", x, first, keepdims=0)
    return graph.op("Gather", x, graph.constant("row", np.array(0)), axis=0)


class _Layer:
    """One layer's nodes; each method adds some and says what their result is called."""

    def __init__(
        self,
        graph: Graph,
        bert: Bert,
        weights: Mapping[str, Floats],
        *,
        number: int,
        unsigned: bool,
    ) -> None:
        self._graph = graph
        self._shape = bert.shape
        self._weights = weights
        self._at = f"blk.{number}."
        self._unsigned = unsigned

    def added(self, x: str, seen: Seen) -> str:
        mixed = self._attended(x, seen.attention)
        x = self._norm(x, self._linear(mixed, "attn_output"), "attn_output_norm")
        return self._norm(x, self._thought(x, seen), "layer_output_norm")

    def _attended(self, x: str, entering: Floats) -> str:
        """Each head's queries, keys and values are made by one matrix: the eight bits of what
        enters it are found once."""
        graph, size = self._graph, self._shape.width // self._shape.heads
        names = ("attn_q", "attn_k", "attn_v")
        matrix = np.concatenate([self._matrix(name) for name in names], axis=1)
        bias = np.concatenate([self._weights[f"{name}.bias"] for name in names])
        made = self._product(*self._evened(x, matrix, entering, "attn"), bias, "attn")
        heads = graph.constant("heads", np.array([-1, 3 * self._shape.heads, size]))
        apart = graph.op("Transpose", graph.op("Reshape", made, heads), perm=(1, 0, 2))
        query, key, value = graph.ops("Split", apart, results=3, axis=0, num_outputs=3)
        scores = graph.own("FusedMatMul", query, key, transB=1, alpha=float(size**-0.5))
        mixed = graph.op("MatMul", graph.op("Softmax", scores, axis=-1), value)
        flat = graph.constant("flat", np.array([-1, self._shape.width]))
        return graph.op("Reshape", graph.op("Transpose", mixed, perm=(1, 0, 2)), flat)

    def _thought(self, x: str, seen: Seen) -> str:
        """The numbers in the middle have no order of their own, so the large ones come last and
        are taken from there."""
        graph, order = self._graph, eight_bits.smallest_first(seen.down)
        up, down = self._matrix("ffn_up")[:, order], self._matrix("ffn_down")[order]
        bias = self._weights["ffn_up.bias"][order]
        evened = self._evened(x, up, seen.up, "ffn_up")
        wide = graph.op("Gelu", self._product(*evened, bias, "ffn_up"))
        apart = min(eight_bits.APART, len(order) - 1)
        sizes = graph.constant("sizes", np.array([len(order) - apart, apart]))
        small, large = graph.ops("Split", wide, sizes, results=2, axis=-1)
        product = self._product(small, down[:-apart], self._weights["ffn_down.bias"], "ffn_down")
        rest = graph.constant(f"{self._at}ffn_down.apart", np.ascontiguousarray(down[-apart:]))
        return graph.op("Add", product, graph.op("MatMul", large, rest))

    def _linear(self, x: str, name: str) -> str:
        return self._product(x, self._matrix(name), self._weights[f"{name}.bias"], name)

    def _matrix(self, name: str) -> Floats:
        """A row for each number that enters; GGUF has a row for each that is made."""
        return self._weights[f"{name}.weight"].T

    def _evened(self, x: str, matrix: Floats, entering: Floats, name: str) -> tuple[str, Floats]:
        scales = eight_bits.even(entering, matrix)
        turned = self._graph.constant(f"{self._at}{name}.even", 1 / scales)
        return self._graph.op("Mul", x, turned), matrix * scales[:, None]

    def _product(self, x: str, matrix: Floats, bias: Floats, name: str) -> str:
        packed, at, graph = eight_bits.pack(matrix), f"{self._at}{name}", self._graph
        middle = ""
        numbers = graph.constant(at, packed.unsigned() if self._unsigned else packed.numbers)
        if self._unsigned:
            columns = np.full(matrix.shape[1], eight_bits.MIDDLE, dtype=np.uint8)
            middle = graph.constant(f"{at}.middle", columns)
        scales = graph.constant(f"{at}.scales", packed.scales)
        added = graph.constant(f"{at}.bias", bias)
        return graph.own("DynamicQuantizeMatMul", x, numbers, scales, middle, added)

    def _norm(self, x: str, more: str, name: str) -> str:
        """Not by the runtime's operator for both in one, which takes four times as long."""
        parts = (
            self._graph.constant(f"{self._at}{name}.{part}", self._weights[f"{name}.{part}"])
            for part in PARTS
        )
        summed = self._graph.op("Add", x, more)
        return self._graph.op(
            "LayerNormalization", summed, *parts, axis=-1, epsilon=self._shape.epsilon
        )
