"""The embedders of this process: one for each model that is asked for, opened when it first is."""

from __future__ import annotations

import threading
from dataclasses import replace

from django.conf import settings

from inference import embedding
from inference.embedding import Embedder, Terms
from inference.words import EngineError
from routing import loads
from routing.loads import Load

_lock = threading.Lock()
_house: Embedder | None = None
_others: dict[str, Embedder] = {}


def house() -> Embedder:
    """The one whose vectors KORA itself stores; `KORA_EMBEDDER` names it."""
    global _house
    with _lock:
        if _house is None:
            _house = embedding.open_embedder(settings.KORA_EMBEDDER, _terms())
        return _house


def of(model: str) -> Embedder:
    """By the reference that a local backend names."""
    if _is_house(model):
        return house()
    with _lock:
        if model not in _others:
            terms = replace(_terms(), model=model)
            _others[model] = embedding.open_embedder(embedding.DEFAULT, terms)
        return _others[model]


def dimensions_of(model: str) -> int | None:
    """None where the model cannot be opened: its first text will be told why."""
    try:
        return of(model).dimensions
    except EngineError:
        return None


def load_of(model: str) -> Load:
    """How busy the embedder is, once it is made; before, a slow one is assumed."""
    known = _others.get(model)
    if _house is not None and _is_house(model):
        known = _house
    if known is None:
        return loads.UNKNOWN
    return Load(wait_s=known.wait_s, prefill_tps=known.tokens_per_s)


def _is_house(model: str) -> bool:
    """A local backend and what KORA stores share one embedder where they name one model."""
    return settings.KORA_EMBEDDER == embedding.DEFAULT and model == settings.KORA_EMBEDDER_MODEL


def warm() -> None:
    house().warm()


def close() -> None:
    global _house
    with _lock:
        opened = [*_others.values(), *([_house] if _house else [])]
        _others.clear()
        _house = None
    for each in opened:
        each.close()


def _terms() -> Terms:
    return Terms(
        model=settings.KORA_EMBEDDER_MODEL,
        models=settings.KORA_MODELS,
        threads=settings.KORA_EMBEDDER_THREADS,
        engine=settings.KORA_EMBEDDER_ENGINE,
        api_base=settings.KORA_EMBEDDER_URL,
        secret=settings.KORA_EMBEDDER_KEY,
    )
