"""What a text means as a vector, by the embedder that this process was given."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from caching.errors import NoEmbedder
from inference import embedding
from inference.words import EngineError

if TYPE_CHECKING:
    from caching.values import Vector
    from inference.embedding import Embedder

PATIENCE_S = 20.0
CONSOLE = "console"
_opener: Callable[[], Embedder] | None = None


def use(opener: Callable[[], Embedder]) -> None:
    """The data plane owns the embedder; this room is told how to reach it once at the start."""
    global _opener
    _opener = opener


def vector(text: str, *, domain: str = CONSOLE) -> Vector:
    """For threads: remembered for that domain alone, and made in one batch with what others ask."""
    if _opener is None:
        raise NoEmbedder
    try:
        made = embedding.embed(_opener(), [text], domain=domain, within_s=PATIENCE_S)
    except (EngineError, TimeoutError) as error:
        raise NoEmbedder from error
    found: Vector = made.vectors[0]
    return found
