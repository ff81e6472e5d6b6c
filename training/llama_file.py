"""Writes a Llama-architecture GGUF file from arrays, a tokenizer and a chat template."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Weight = tuple[str, Array]
NORM = "_norm.weight"
NO_MERGES = ("ĀĀ ĀĀ",)
"""An empty array can't be written and llama.cpp insists on one: this merge joins two pairs that
nothing ever made, so it never happens."""


class Kind(enum.IntEnum):
    """What a token is, in the numbers of the file format."""

    NORMAL = gguf.TokenType.NORMAL
    CONTROL = gguf.TokenType.CONTROL
    """Never part of a text: it is not written out, and a client's text can't contain it."""
    USER_DEFINED = gguf.TokenType.USER_DEFINED


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """The sizes of one model. Rows (`width`, `feed_forward`) that are no multiple of 256 can't be
    quantised to K types: llama.cpp takes others for them without a word."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    feed_forward: int
    context: int = 2048
    rope_base: float = 10_000.0
    norm_epsilon: float = 1e-5
    tied: bool = True
    """The token embeddings are the output matrix too."""

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    @property
    def parameters(self) -> int:
        return sum(int(np.prod(dims)) for _, dims in tensors(self))


@dataclass(frozen=True, kw_only=True, slots=True)
class Vocabulary:
    """A byte-level BPE: every byte has a token, so every text can be written and read back."""

    tokens: tuple[str, ...]
    """In the printable spelling of GPT-2 (a space is `Ġ`); special ones as they are."""
    merges: tuple[str, ...] = ()
    kinds: dict[str, Kind] = field(default_factory=dict)
    """Of those that are not normal."""
    bos: str = ""
    """Put before every prompt, where there is one."""
    eos: str
    end_of_turn: str = ""
    padding: str = ""
    split: str = "gpt-2"
    """How text is cut before merging, by llama.cpp's name: `gpt-2`, or `smollm` for GPT-2's with
    every digit on its own."""

    def number(self, token: str) -> int:
        return self.tokens.index(token)

    @property
    def types(self) -> list[int]:
        return [int(self.kinds.get(token, Kind.NORMAL)) for token in self.tokens]


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What the file says of itself."""

    name: str
    template: str = ""
    """Jinja, as chat templates are; empty leaves the file without one."""
    license: str = ""
    description: str = ""
    version: str = ""


def printable_bytes() -> list[str]:
    """GPT-2's spelling of the 256 bytes, by byte: those that print as themselves, the others as
    the characters from U+0100 on, in order."""
    plain = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in plain else next(others)) for byte in range(256)]


def bytes_only(specials: Sequence[str] = ("<|begin|>", "<|end|>")) -> Vocabulary:
    """One token a byte and the special ones after them: the first begins, the last ends."""
    return Vocabulary(
        tokens=(*printable_bytes(), *specials),
        kinds=dict.fromkeys(specials, Kind.CONTROL),
        bos=specials[0],
        eos=specials[-1],
    )


def from_tokenizer(
    written: str, *, eos: str, bos: str = "", padding: str = "", split: str = "gpt-2"
) -> Vocabulary:
    """From the JSON of a byte-level BPE of the `tokenizers` library (`Tokenizer.to_str()`)."""
    told = json.loads(written)
    model, added = told["model"], told["added_tokens"]
    numbers = {**model["vocab"], **{token["content"]: token["id"] for token in added}}
    tokens = tuple(sorted(numbers, key=lambda token: int(numbers[token])))
    if [numbers[token] for token in tokens] != list(range(len(tokens))):
        raise ValueError("the tokenizer's numbers have gaps or doubles")
    merges = (pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"])
    return Vocabulary(
        tokens=tokens,
        merges=tuple(merges),
        kinds={
            token["content"]: Kind.CONTROL if token["special"] else Kind.USER_DEFINED
            for token in added
        },
        bos=bos,
        eos=eos,
        padding=padding,
        split=split,
    )


def tensors(shape: Shape) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every tensor of the file in its order, with its dimensions: rows are outputs."""
    width, wide, narrow = shape.width, shape.feed_forward, shape.kv_heads * shape.head_width
    yield "token_embd.weight", (shape.vocabulary, width)
    for layer in range(shape.layers):
        for part, dims in (
            ("attn_norm", (width,)),
            ("attn_q", (width, width)),
            ("attn_k", (narrow, width)),
            ("attn_v", (narrow, width)),
            ("attn_output", (width, width)),
            ("ffn_norm", (width,)),
            ("ffn_gate", (wide, width)),
            ("ffn_up", (wide, width)),
            ("ffn_down", (width, wide)),
        ):
            yield f"blk.{layer}.{part}.weight", dims
    yield "output_norm.weight", (width,)
    if not shape.tied:
        yield "output.weight", (shape.vocabulary, width)


def random_weights(shape: Shape, seed: int = 0) -> Iterator[Weight]:
    """One tensor at a time, so that a model of any size needs the memory of its largest."""
    source = np.random.default_rng(seed)
    for name, dims in tensors(shape):
        if name.endswith(NORM):
            yield name, np.ones(dims, dtype=np.float32)
        else:
            yield name, source.standard_normal(dims, dtype=np.float32) / np.float32(dims[-1] ** 0.5)


def write_llama(
    path: Path, shape: Shape, weights: Iterable[Weight], *, vocabulary: Vocabulary, about: About
) -> None:
    """`weights` in the order of `tensors(shape)`; matrices become f16, norms f32. Rotary positions
    are interleaved (pairs 0-1, 2-3, …), as in the original Llama: train with that."""
    _check(shape, vocabulary)
    part = path.with_name(f"{path.name}.part")
    writer = gguf.GGUFWriter(part, "llama")
    try:
        _describe(writer, shape, about)
        _spell(writer, vocabulary)
        _write(writer, shape, weights)
        part.replace(path)
    finally:
        writer.close()
        part.unlink(missing_ok=True)


def _check(shape: Shape, vocabulary: Vocabulary) -> None:
    if len(vocabulary.tokens) != shape.vocabulary:
        raise ValueError(f"{len(vocabulary.tokens)} tokens in a shape of {shape.vocabulary}")
    if len(set(vocabulary.tokens)) != shape.vocabulary:
        raise ValueError("a token is named twice")
    if shape.width % shape.heads or shape.heads % shape.kv_heads or shape.head_width % 2:
        raise ValueError("heads must divide the width, kv_heads the heads, and a head be even")


def _describe(writer: gguf.GGUFWriter, shape: Shape, about: About) -> None:
    for tell, told in (
        (writer.add_name, about.name),
        (writer.add_license, about.license),
        (writer.add_description, about.description),
        (writer.add_version, about.version),
        (writer.add_chat_template, about.template),
    ):
        tell(told)  # the writer leaves out what is empty
    writer.add_size_label(gguf.size_label(shape.parameters, 0, 0, 0))
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(shape.norm_epsilon)


def _spell(writer: gguf.GGUFWriter, vocabulary: Vocabulary) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(vocabulary.split)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.types)
    writer.add_token_merges(vocabulary.merges or NO_MERGES)
    for tell, token in (
        (writer.add_bos_token_id, vocabulary.bos),
        (writer.add_eos_token_id, vocabulary.eos),
        (writer.add_eot_token_id, vocabulary.end_of_turn),
        (writer.add_pad_token_id, vocabulary.padding),
    ):
        if token:
            tell(vocabulary.number(token))
    writer.add_add_bos_token(bool(vocabulary.bos))
    writer.add_add_eos_token(False)


def _write(writer: gguf.GGUFWriter, shape: Shape, weights: Iterable[Weight]) -> None:
    wanted = list(tensors(shape))
    for name, dims in wanted:
        kind = _kind(name)
        writer.add_tensor_info(name, dims, kind, int(np.prod(dims)) * kind.itemsize)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for (name, dims), (given, array) in zip(wanted, weights, strict=True):
        if (given, array.shape) != (name, dims):
            raise ValueError(f"expected {name} {dims}, got {given} {array.shape}")
        writer.write_tensor_data(np.ascontiguousarray(array, dtype=_kind(name)))


def _kind(name: str) -> np.dtype[Any]:
    return np.dtype(np.float32 if name.endswith(NORM) else np.float16)
