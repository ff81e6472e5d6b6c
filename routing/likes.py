"""How near a turn is to the sentences of a set, by the vectors of the embedder of the house."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from inference.embedding import Embedded
from inference.words import EngineError
from routing import embedders, semantics
from routing.way import Way

if TYPE_CHECKING:
    from caching.values import Vector

PATIENCE_S = 0.25
"""The vectors of a set are made once; who comes meanwhile is told nothing rather than kept."""
LONGEST_READ = 1_000
MOST = 200
Key = tuple[int, str, tuple[str, ...]]
_sets: OrderedDict[Key, Future[Embedded]] = OrderedDict()
_lock = threading.Lock()


def to(way: Way, text: str, sentences: Sequence[str]) -> float | None:
    """The cosine to the nearest of them, 0 where they have nothing in common; None: no vector."""
    if not text.strip():
        return None
    vector = _vector(way, text)
    try:
        known = _known(way, tuple(sentences)).result(PATIENCE_S)
    except (TimeoutError, EngineError):
        return None
    return None if vector is None else round(max(0.0, float((known.vectors @ vector).max())), 4)


def _vector(way: Way, text: str) -> Vector | None:
    if way.vector is not None:
        return way.vector
    if way.words is None:
        made = semantics.made(way, text[:LONGEST_READ])
        way.words = None if isinstance(made, str) else made.vectors[0]
    return way.words


def _known(way: Way, sentences: tuple[str, ...]) -> Future[Embedded]:
    embedder = embedders.house()
    key = (way.caller.team_id, embedder.name, sentences)
    with _lock:
        found = _sets.get(key)
        if found is None or (found.done() and found.exception() is not None):
            found = embedder.submit(list(sentences), domain=str(way.caller.team_id))
            _sets[key] = found
            if len(_sets) > MOST:
                _sets.popitem(last=False)
        _sets.move_to_end(key)
    return found


def forget() -> None:
    with _lock:
        _sets.clear()
