"""What turns texts into vectors: the words for it, and the one place that opens an embedder."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

DEFAULT = "inference.embeddings.local.Local"
PATIENCE_S = 60.0
USUAL = "default"


@dataclass(frozen=True, kw_only=True, slots=True)
class Embedded:
    """One row of length one for each text, in the order in which the texts were given."""

    vectors: npt.NDArray[np.float32]
    tokens: int
    """What was read, the beginning and end marks of each text included."""
    cached_tokens: int = 0
    """Those of texts whose vectors were remembered."""
    truncated: int = 0
    """How many texts were longer than the model reads."""
    compute_s: float = 0.0
    """Seconds of processor time that these texts took, of the batches they shared as well."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What an embedder is made from; each takes from it what it needs."""

    model: str
    models: Path = Path("models")
    """The store's folder."""
    threads: int = 1
    engine: str = "auto"
    """What computes a model of this machine."""
    api_base: str = ""
    secret: str = ""


class Embedder(Protocol):
    """`name` and `dimensions` go beside every stored vector: vectors of two embedders never mix.

    `submit` returns at once, from whatever thread; its future fails with EngineError. What is
    asked for one `domain` (a team) is never remembered for another. With the `memory` `no-cache`
    every vector is made anew, with `no-store` none is remembered. Cancelling the future gives up
    what has not begun. `name` must not need the model to be loaded, the other two may.
    """

    @property
    def name(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    @property
    def longest(self) -> int:
        """Tokens of a text that are read; the rest is cut off."""

    @property
    def wait_s(self) -> float:
        """How long a text that came now would wait for its turn."""

    @property
    def tokens_per_s(self) -> float:
        """Tokens that a second of processor time is worth; zero where others compute."""

    def warm(self) -> None:
        """Begins to load what a first text would wait for; returns at once."""

    def remembers(self, texts: Sequence[str], *, domain: str = "") -> bool:
        """Whether none of them would have to be made."""

    def submit(
        self, texts: Sequence[str], *, domain: str = "", memory: str = USUAL
    ) -> Future[Embedded]: ...

    def close(self) -> None: ...


def embed(
    embedder: Embedder, texts: Sequence[str], *, domain: str = "", within_s: float = PATIENCE_S
) -> Embedded:
    """For threads; an event loop awaits `embedded` instead."""
    future = embedder.submit(texts, domain=domain)
    try:
        return future.result(within_s)
    except TimeoutError:
        future.cancel()
        raise


async def embedded(
    embedder: Embedder, texts: Sequence[str], *, domain: str = "", memory: str = USUAL
) -> Embedded:
    return await asyncio.wrap_future(embedder.submit(texts, domain=domain, memory=memory))


def open_embedder(dotted: str, terms: Terms) -> Embedder:
    """By the dotted path of a class or function that takes the terms; nothing is loaded yet."""
    module, _, name = dotted.rpartition(".")
    made: Embedder = getattr(importlib.import_module(module), name)(terms)
    return made
