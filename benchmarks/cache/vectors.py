"""Vectors of a benchmark's texts, made once by the embedder that KORA runs and kept beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import suite
from inference import embedding
from inference.embedding import Embedder, Terms

MODEL = "all-MiniLM-L6-v2:q8_0"
AT_ONCE = 256
Vectors = npt.NDArray[np.float32]


def of(texts: Sequence[str], *, models: Path, kept: Path) -> Vectors:
    """One row a text; some minutes for tens of thousands that were never asked for before."""
    embedder = embedding.open_embedder(embedding.DEFAULT, Terms(model=MODEL, models=models))
    try:
        path = kept / f"{_name(embedder, texts)}.npy"
        if not path.exists():
            suite.say(f"making {len(texts):,} vectors …")
            kept.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".part.npy")
            np.save(partial, _made(embedder, texts))
            partial.replace(path)
    finally:
        embedder.close()
    found: Vectors = np.load(path)
    return found


def _name(embedder: Embedder, texts: Sequence[str]) -> str:
    """Vectors of another engine are other vectors."""
    return hashlib.sha256("\0".join((embedder.name, *texts)).encode()).hexdigest()[:24]


def _made(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    parts = [
        embedding.embed(embedder, texts[at : at + AT_ONCE], within_s=900.0).vectors
        for at in range(0, len(texts), AT_ONCE)
    ]
    return np.concatenate(parts).astype(np.float32)
