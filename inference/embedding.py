"""What turns texts into vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from inference.words import EngineError, Failure

Vector = list[float]


class Embedder(Protocol):
    """`name` and `dimensions` go beside every stored vector: vectors of two embedders never mix."""

    @property
    def name(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    async def embed(self, texts: Sequence[str]) -> list[Vector]: ...


class AbsentEmbedder:
    """Stands where the local embedding model will be."""

    name = "absent"
    dimensions = 0

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        raise EngineError(
            Failure.SERVER,
            f"cannot embed {len(texts)} texts: embeddings come with local inference, not yet built",
        )
