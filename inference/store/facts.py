"""What a model file says of itself, and how much memory running it is likely to take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from inference.local import layout
from inference.local.words import Settings
from inference.store import gguf_header
from inference.store.errors import BadModelError
from inference.store.ggml_types import FORMATS, MIXES
from inference.store.gguf_header import Header, Items

EMBEDDERS = frozenset({"bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3"})
KV_BYTES = 2
"""A key or value number is kept as f16."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    architecture: str
    title: str = ""
    parameters: int = 0
    layers: int = 0
    experts: int = 0
    experts_used: int = 0
    context: int = 0
    """What it was trained for, in tokens."""
    width: int = 0
    heads: int = 0
    kv_heads: int = 0
    vocabulary: int = 0
    tokenizer: str = ""
    template: bool = False
    """It brings a chat template."""
    tools: bool = False
    """The template knows tools."""
    embeds: bool = False
    """It makes vectors and writes no text."""
    quantisation: str = ""
    formats: Mapping[str, float] = field(default_factory=dict)
    """Share of the weights' bytes in each number format."""
    bytes: int = 0
    kv_bytes_per_token: int = 0

    def running_bytes(self) -> int:
        """An estimate: as the engine runs it unless told otherwise, every lane full."""
        return layout.room(self, Settings()).bytes

    def usual_context(self) -> int:
        """Tokens that a sequence may hold unless a backend's options say otherwise."""
        return layout.effective_context(self, Settings())

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> Facts:
        """What another release wrote may have more or fewer fields."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})


def inspect(path: Path) -> Facts:
    """Raises BadModelError when this is no model that can be run from this one file."""
    header = gguf_header.read(path)
    _must_be_whole_model(header)
    return _facts(header)


def _must_be_whole_model(header: Header) -> None:
    parts = _whole(header, "split.count")
    if parts > 1:
        raise BadModelError(
            f"This is one of {parts} parts of a split model. Merge them first "
            "(llama-gguf-split --merge), then import the one file."
        )
    kind = _words(header, "general.type") or "model"
    architecture = _words(header, "general.architecture")
    if kind != "model" or architecture == "clip":
        raise BadModelError(f"This file is of the type {kind!r}, not a model by itself.")
    if not architecture:
        raise BadModelError("The file does not say which architecture its model has.")
    if not header.tensors:
        raise BadModelError("The file has no weights, only a vocabulary.")


def _facts(header: Header) -> Facts:
    arch = _words(header, "general.architecture")
    template = _words(header, "tokenizer.chat_template")
    tokens = header.values.get("tokenizer.ggml.tokens")
    return Facts(
        architecture=arch,
        title=_words(header, "general.name")[:200],
        parameters=sum(tensor.numbers for tensor in header.tensors),
        layers=_whole(header, f"{arch}.block_count"),
        experts=_whole(header, f"{arch}.expert_count"),
        experts_used=_whole(header, f"{arch}.expert_used_count"),
        context=_whole(header, f"{arch}.context_length"),
        width=_whole(header, f"{arch}.embedding_length"),
        heads=max(_each(header, f"{arch}.attention.head_count"), default=0),
        kv_heads=max(_kv_heads(header, arch), default=0),
        vocabulary=tokens.length if isinstance(tokens, Items) else 0,
        tokenizer=_words(header, "tokenizer.ggml.model"),
        template=bool(template),
        tools="tools" in template,
        embeds=arch in EMBEDDERS or f"{arch}.pooling_type" in header.values,
        quantisation=_quantisation(header),
        formats=_formats(header),
        bytes=header.file_bytes,
        kv_bytes_per_token=_kv_bytes(header, arch),
    )


def _words(header: Header, name: str) -> str:
    found = header.values.get(name, "")
    return found if isinstance(found, str) else ""


def _whole(header: Header, name: str) -> int:
    return max(_each(header, name), default=0)


def _each(header: Header, name: str) -> list[int]:
    """A number, or one for each layer."""
    found = header.values.get(name)
    values = found.kept if isinstance(found, Items) else (found,)
    return [value for value in values if isinstance(value, int) and value >= 0]


def _kv_heads(header: Header, arch: str) -> list[int]:
    return _each(header, f"{arch}.attention.head_count_kv") or _each(
        header, f"{arch}.attention.head_count"
    )


def _kv_bytes(header: Header, arch: str) -> int:
    """Of one token over all layers; architectures that keep less are overestimated."""
    layers, per_layer = _whole(header, f"{arch}.block_count"), _kv_heads(header, arch)
    if not per_layer:
        return 0
    heads = sum(per_layer) if len(per_layer) > 1 else per_layer[0] * layers
    width = _whole(header, f"{arch}.embedding_length")
    share = width // max(1, _whole(header, f"{arch}.attention.head_count"))
    key = _whole(header, f"{arch}.attention.key_length") or share
    value = _whole(header, f"{arch}.attention.value_length") or share
    return heads * (key + value) * KV_BYTES


def _quantisation(header: Header) -> str:
    """As the file was made; without a word of it, the format of most of its weights."""
    said = header.values.get("general.file_type")
    if isinstance(said, int) and said in MIXES:
        return MIXES[said]
    formats = _formats(header)
    return max(formats, key=lambda name: formats[name])


def _formats(header: Header) -> dict[str, float]:
    sizes: Counter[str] = Counter()
    for tensor in header.tensors:
        sizes[FORMATS[tensor.format].name] += tensor.bytes
    total = sizes.total() or 1
    return {name: round(size / total, 4) for name, size in sizes.most_common()}
