"""Signals that prove nothing alone: numbers for a judge that has learned to weigh them."""

from __future__ import annotations

import itertools
from bisect import bisect_left

from caching.guards.facts import Facts

GUARD_FEATURES = (
    "content_jaccard",
    "missing_least",
    "missing_most",
    "longest_missing",
    "length_ratio",
    "kind_differs",
    "prefix_overlap",
    "order_similarity",
    "bigram_overlap",
    "names_missing",
    "function_overlap",
    "swapped",
    "trigram_overlap",
    "signals",
)
LONGEST_WORD = 12


def soft(a: Facts, b: Facts) -> tuple[float, ...]:
    """One number for each of GUARD_FEATURES; the same whichever question is named first."""
    here, there = frozenset(a.content), frozenset(b.content)
    only_here, only_there = here - there, there - here
    missing = sorted((_share(only_here, here), _share(only_there, there)))
    kind = float(a.kind != b.kind)
    order = _order(a.content, b.content)
    names = min(1.0, _names(a, b) / 3)
    swapped = float(bool(only_here) and bool(only_there))
    signals = kind + (missing[1] > 0.5) + (order < 0.6) + (names > 0) + (a.negated != b.negated)
    return (
        _overlap(here, there),
        missing[0],
        missing[1],
        min(1.0, max(map(len, only_here | only_there), default=0) / LONGEST_WORD),
        _ratio(len(a.words), len(b.words)),
        kind,
        _overlap(frozenset(s[:5] for s in here), frozenset(s[:5] for s in there)),
        order,
        _overlap(_pairs(a.content), _pairs(b.content)),
        names,
        _overlap(frozenset(a.words) - here, frozenset(b.words) - there),
        swapped,
        _overlap(_grams(a.squeezed), _grams(b.squeezed)),
        signals / 5,
    )


def _share(some: frozenset[str], of: frozenset[str]) -> float:
    return len(some) / len(of) if of else 0.0


def _overlap(a: frozenset[object], b: frozenset[object]) -> float:
    return len(a & b) / len(a | b) if a or b else 1.0


def _ratio(a: int, b: int) -> float:
    return min(a, b) / max(a, b) if a and b else float(a == b)


def _names(a: Facts, b: Facts) -> int:
    here = {part for name in a.names for part in name}
    there = {part for name in b.names for part in name}
    return len(here - b.stems) + len(there - a.stems)


def _pairs(content: tuple[str, ...]) -> frozenset[object]:
    return frozenset(itertools.pairwise(content[:40]))


def _grams(squeezed: str) -> frozenset[object]:
    return frozenset(squeezed[i : i + 3] for i in range(min(len(squeezed), 200) - 2))


def _order(a: tuple[str, ...], b: tuple[str, ...]) -> float:
    """Of the content words in both, the longest share that stands in one order."""
    where = {stem: index for index, stem in reversed(tuple(enumerate(b)))}
    places = [where[stem] for stem in dict.fromkeys(a) if stem in where]
    if len(places) < 2:
        return 1.0
    tails: list[int] = []
    for place in places:
        at = bisect_left(tails, place)
        tails[at : at + 1] = [place]
    return len(tails) / len(places)
