"""A GGUF file of BERT's kind: its shape by its header, its weights as they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inference.embeddings import gguf_text
from inference.store import gguf_header
from inference.store.ggml_types import FORMATS
from inference.store.gguf_header import Header, Items, Tensor

Floats = npt.NDArray[np.float32]

TOKENS = "tokenizer.ggml.tokens"
MEAN, FIRST = 1, 2
"""How rows become one vector, by GGUF's numbers: their mean, or the first of them."""
ANY = 0
"""Rows of a table."""
READ = frozenset(
    {"F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"}
    | {"Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    layers: int
    width: int
    heads: int
    feed_forward: int
    longest: int
    epsilon: float
    pooling: int


class Bert:
    """Nothing of the weights is held: each tensor is mapped when it is asked for."""

    def __init__(self, path: Path, header: Header) -> None:
        self.shape = shape(header)
        self._path = path
        self._header = header
        self._tensors = {tensor.name: tensor for tensor in header.tensors}

    def vocabulary(self) -> list[str]:
        """The tokens as BERT writes them, by their numbers."""
        listed = gguf_header.read(self._path, whole=frozenset({TOKENS})).values[TOKENS]
        assert isinstance(listed, Items)
        return [gguf_text.as_known(str(token)) for token in listed.kept]

    def weight(self, name: str) -> Floats:
        """A matrix has a row for each number that it makes."""
        rows = self.rows(name)
        found = rows[np.arange(len(rows))]
        return found[0] if len(self._tensors[name].axes) == 1 else found

    def rows(self, name: str) -> Rows:
        tensor = self._tensors[name]
        count = tensor.numbers // tensor.axes[0]
        begin = self._header.weights_at + tensor.begins
        mapped = np.memmap(self._path, np.uint8, "r", begin, (count, tensor.bytes // count))
        return Rows(mapped, tensor.format)


class Rows:
    """Of a table that stays in the file; those that are looked up are made numbers."""

    def __init__(self, mapped: npt.NDArray[np.uint8], form: int) -> None:
        import gguf  # takes a while, and memory, that only a process that embeds gives

        self._mapped = mapped
        self._form = gguf.GGMLQuantizationType(form)
        self._numbers = gguf.quants.dequantize

    def __len__(self) -> int:
        return len(self._mapped)

    def __getitem__(self, places: npt.NDArray[np.intp]) -> Floats:
        found: Floats = self._numbers(np.asarray(self._mapped[places]), self._form)
        return found.astype(np.float32, copy=False)


def shape(header: Header) -> Shape:
    """KeyError or ValueError where the header lacks something."""
    told = {
        name.removeprefix("bert."): value
        for name, value in header.values.items()
        if isinstance(value, int | float)
    }
    return Shape(
        layers=int(told["block_count"]),
        width=int(told["embedding_length"]),
        heads=int(told["attention.head_count"]),
        feed_forward=int(told["feed_forward_length"]),
        longest=int(told["context_length"]),
        epsilon=float(told["attention.layer_norm_epsilon"]),
        pooling=int(told.get("pooling_type", 0)),
    )


def why_not(header: Header) -> str:
    """Why this file is none that can be computed here; empty where it can."""
    architecture = header.values.get("general.architecture")
    if architecture != "bert":
        return f"its architecture is {architecture}"
    try:
        found = shape(header)
    except (KeyError, ValueError) as error:
        return f"its header lacks {error}"
    if found.pooling not in (MEAN, FIRST):
        return "it makes no vector of a whole text that KORA knows"
    if found.width % max(found.heads, 1) or min(found.layers, found.heads, found.longest) < 1:
        return "its header tells an impossible shape"
    return _weights_missing(header, found)


def _weights_missing(header: Header, found: Shape) -> str:
    tensors = {tensor.name: tensor for tensor in header.tensors}
    expected = _expected(found)
    if strange := tensors.keys() ^ expected.keys():
        return f"its weights are not BERT's: {min(strange)}"
    for name, axes in expected.items():
        if not _fits(tensors[name], axes):
            return f"its weights {name} have another shape or format"
    return ""


def _fits(tensor: Tensor, axes: tuple[int, ...]) -> bool:
    same = len(tensor.axes) == len(axes) and all(
        length == wanted if wanted != ANY else length > 0
        for length, wanted in zip(tensor.axes, axes, strict=True)
    )
    return same and FORMATS[tensor.format].name in READ


def _expected(found: Shape) -> dict[str, tuple[int, ...]]:
    width, wide = found.width, found.feed_forward
    one = {
        "attn_q": (width, width),
        "attn_k": (width, width),
        "attn_v": (width, width),
        "attn_output": (width, width),
        "ffn_up": (width, wide),
        "ffn_down": (wide, width),
    }
    names: dict[str, tuple[int, ...]] = {
        f"{table}.weight": (width, ANY) for table in ("token_embd", "position_embd", "token_types")
    }
    norms = ["token_embd_norm"]
    for number in range(found.layers):
        norms += [f"blk.{number}.{norm}" for norm in ("attn_output_norm", "layer_output_norm")]
        for matrix, axes in one.items():
            names[f"blk.{number}.{matrix}.weight"] = axes
            names[f"blk.{number}.{matrix}.bias"] = axes[1:]
    names |= {f"{norm}.{part}": (width,) for norm in norms for part in ("weight", "bias")}
    return names
