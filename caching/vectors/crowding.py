"""One voice stays one: copies of a question neither crowd others out nor outvote them (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from caching.values import Neighbour

ALIKE = 0.995
"""Vectors nearer than this are of what is nearly one question."""
LOOKED_AT = 4
"""So many times the neighbours wanted are looked at, since copies among them are left out."""
MOST_ALIKE = 4
"""Different answers to nearly one question that are shown: half of the usual seats."""
SHARED = 0.8
"""Questions that share so much of their words are nearly the same."""
_WORD = re.compile(r"[^\W\d]+")


def thinned(neighbours: Sequence[Neighbour], *, at_most: int) -> list[Neighbour]:
    """In their order. The nearest speaks for all that ask nearly the same; pinned ones stay."""
    kept: list[tuple[frozenset[str], Neighbour]] = []
    for each in neighbours:
        if len(kept) == at_most:
            break
        words = _words(each.question)
        alike = [known for other, known in kept if _nearly_same(words, other)]
        repeats = any(same(each.answer_class, known) for known in alike)
        if each.pinned or not (repeats or len(alike) >= MOST_ALIKE):
            kept.append((words, each))
    return [each for _, each in kept]


def same(answer_class: bytes, neighbour: Neighbour) -> bool:
    """Answers that were not read are like no other."""
    return bool(answer_class) and answer_class == neighbour.answer_class


def _words(question: str) -> frozenset[str]:
    """Without numbers: a flood is easily numbered."""
    return frozenset(_WORD.findall(question.casefold()))


def _nearly_same(words: frozenset[str], other: frozenset[str]) -> bool:
    return words == other or len(words & other) >= SHARED * len(words | other)
