"""Signals of the house's own: callables named in `KORA_SIGNALS`, each apart from the others.

Each takes a `Prompt` and gives back names and plain values. Its names begin with the last word of
its module's path: what `acme.routing.tone` finds as `angry` is asked for as `tone.angry`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import Any

import structlog
from django.conf import settings

from routing.questions import Prompt
from routing.signals import names, reading
from routing.signals.values import Plain, Signals

log = structlog.get_logger(__name__)

LONGEST = 200
MOST = 50
Reader = Callable[[Prompt], Mapping[str, Plain]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Own:
    """One callable and the first word of its names."""

    word: str
    read: Reader


def read(prompt: Prompt) -> Signals:
    """KORA's signals, and the house's own beside them."""
    signals = reading.read(prompt)
    known = readers()
    if not known:
        return signals
    found: dict[str, Plain] = {}
    for each in known:
        found.update(_found(each, prompt))
    return replace(signals, own=found)


def words() -> frozenset[str]:
    """With what the names of the house's own signals begin."""
    return frozenset(each.word for each in readers())


def readers() -> tuple[Own, ...]:
    return _opened(tuple(settings.KORA_SIGNALS))


@cache
def _opened(paths: tuple[str, ...]) -> tuple[Own, ...]:
    """One that cannot be imported stops KORA as it starts: rules may rest on it."""
    return tuple(map(_open, paths))


def _open(path: str) -> Own:
    module, _, name = path.rpartition(".")
    word = module.rpartition(".")[2]
    if not module or f"{word}." in names.FAMILIES:
        raise ValueError(f"KORA_SIGNALS: {path} is no dotted path with a word of its own.")
    return Own(word=word, read=getattr(import_module(module), name))


def _found(own: Own, prompt: Prompt) -> dict[str, Plain]:
    """A reader that fails has found nothing; no request ends for it."""
    try:
        given = own.read(prompt)
        return {f"{own.word}.{name}": _plain(value) for name, value in list(given.items())[:MOST]}
    except Exception as error:  # noqa: BLE001 - the house's code, not ours
        log.warning("signal.failed", signals=own.word, error=repr(error))
        return {}


def _plain(value: Any) -> Plain:
    if not isinstance(value, Plain):
        raise TypeError(f"{value!r} is no plain value")
    return value[:LONGEST] if isinstance(value, str) else value
