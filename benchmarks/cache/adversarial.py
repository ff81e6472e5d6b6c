"""Pairs of questions written to deceive: alike in words and not in meaning, and the other way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from typing import NamedTuple

from benchmarks.cache import adversarial_texts as texts


class Pair(NamedTuple):
    a: str
    b: str
    same: bool
    kind: str


def pairs() -> list[Pair]:
    """All of them, in one order, each once."""
    found = [*_different(), *_same()]
    return list(dict.fromkeys(found))


def _different() -> Iterator[Pair]:
    for kind, frames, values in texts.SUBSTITUTED:
        for frame in frames:
            yield from _filled(frame, values, kind)
    for kind, frames, couples in texts.SWAPPED:
        for frame in frames:
            for first, second in couples:
                yield Pair(frame.format(first, second), frame.format(second, first), False, kind)
    for kind, written in texts.DIFFERENT.items():
        yield from (Pair(a, b, False, kind) for a, b in _couples(written))


def _filled(frame: str, values: Sequence[str], kind: str) -> Iterator[Pair]:
    """Neighbours among the values, and the first with the last."""
    chosen = list(pairwise(values)) if len(values) > 2 else list(combinations(values, 2))
    for one, other in chosen:
        yield Pair(frame.format(one), frame.format(other), False, kind)


def _same() -> Iterator[Pair]:
    for kind, frames, couples in texts.EQUAL_VALUES:
        for frame in frames:
            for one, other in couples:
                yield Pair(frame.format(one), frame.format(other), True, kind)
    for kind, written in texts.SAME.items():
        yield from (Pair(a, b, True, kind) for a, b in _couples(written))


def _couples(written: str) -> Iterator[tuple[str, str]]:
    for line in written.strip().splitlines():
        a, _, b = line.partition(" | ")
        yield a.strip(), b.strip()
