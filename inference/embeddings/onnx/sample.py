"""What goes through a BERT's layers, in 32 bits: eight bits are laid out by it.

It is read from word pieces spread evenly over the vocabulary, in texts of several lengths, so
it favours no language and needs no sentences. The vectors never depend on it, only how much
of them eight bits lose.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inference.embeddings.onnx.bert import Floats, Shape
from inference.embeddings.onnx.runtime import Linear

TEXTS = ((8, 30), (16, 12), (16, 4))
"""So many of so many pieces each, between the two marks; and one of the marks alone."""
GELU = math.sqrt(2 / math.pi)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """The largest number, without its sign, that each input of three of a layer's matrices met."""

    attention: Floats
    up: Floats
    down: Floats


class Sample:
    """Rows of several texts one after the other, sent through layer by layer."""

    def __init__(self, shape: Shape, texts: Sequence[Floats]) -> None:
        self._shape = shape
        self._product = Linear()
        self._ends = np.cumsum([len(each) for each in texts])[:-1]
        self._rows = np.concatenate(texts)

    def through(self, layer: Mapping[str, Floats]) -> Seen:
        entered = self._rows
        mixed = np.concatenate([self._mixed(each, layer) for each in self._texts()])
        thought = self._norm(
            entered + self._linear(mixed, layer, "attn_output"), layer, "attn_output"
        )
        wide = _gelu(self._linear(thought, layer, "ffn_up"))
        self._rows = self._norm(
            thought + self._linear(wide, layer, "ffn_down"), layer, "layer_output"
        )
        return Seen(attention=_most(entered), up=_most(thought), down=_most(wide))

    def normed(self, layer: Mapping[str, Floats], name: str) -> None:
        self._rows = self._norm(self._rows, layer, name)

    def _texts(self) -> list[Floats]:
        return np.split(self._rows, self._ends)

    def _mixed(self, x: Floats, layer: Mapping[str, Floats]) -> Floats:
        size = self._shape.width // self._shape.heads
        query, key, value = (
            self._linear(x, layer, name).reshape(len(x), -1, size).transpose(1, 0, 2)
            for name in ("attn_q", "attn_k", "attn_v")
        )
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(size)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = (scores / scores.sum(axis=-1, keepdims=True)) @ value
        made: Floats = mixed.transpose(1, 0, 2).reshape(len(x), -1)
        return made

    def _linear(self, x: Floats, layer: Mapping[str, Floats], name: str) -> Floats:
        return self._product(x, layer[f"{name}.weight"], layer[f"{name}.bias"])

    def _norm(self, x: Floats, layer: Mapping[str, Floats], name: str) -> Floats:
        centred = x - x.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self._shape.epsilon)
        gain, bias = layer[f"{name}_norm.weight"], layer[f"{name}_norm.bias"]
        made: Floats = (centred / spread * gain + bias).astype(np.float32)
        return made


def texts(vocabulary: int, begin: int, end: int) -> list[list[int]]:
    """Of token numbers, those of the two marks around each."""
    found = [[begin, end]]
    for number, length in TEXTS:
        spread = np.linspace(0, vocabulary - 1, number * length).astype(int)
        found += [[begin, *row, end] for row in spread.reshape(length, number).T.tolist()]
    return found


def _gelu(x: Floats) -> Floats:
    """Nearly: it only says how large numbers become."""
    made: Floats = 0.5 * x * (1 + np.tanh(GELU * (x + 0.044715 * x * x * x)))
    return made


def _most(x: Floats) -> Floats:
    most: Floats = np.abs(x).max(axis=0)
    return most
