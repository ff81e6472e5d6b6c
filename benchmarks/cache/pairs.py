"""Labelled question pairs replayed as traffic: half the clusters to tune on, half to report."""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.cache.replay import Asked
from benchmarks.embed.texts import PAIRS

SEED = 7


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Questions that labels connect share a partition, because only there it is known whether two
    mean the same: those of one duplicate cluster do, all others do not."""

    texts: tuple[str, ...]
    tuning: tuple[Asked, ...]
    reporting: tuple[Asked, ...]


class _Groups:
    """Union and find."""

    def __init__(self, number: int) -> None:
        self._above = list(range(number))

    def of(self, member: int) -> int:
        while self._above[member] != member:
            self._above[member] = self._above[self._above[member]]
            member = self._above[member]
        return member

    def join(self, one: int, other: int) -> None:
        self._above[self.of(one)] = self.of(other)


def read() -> Pairs | None:
    """None where the data is not here."""
    if not PAIRS.exists():
        return None
    with gzip.open(PAIRS, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    texts = sorted({text for row in rows for text in (row["a"], row["b"])})
    number = {text: at for at, text in enumerate(texts)}
    clusters, connected = _Groups(len(texts)), _Groups(len(texts))
    for row in rows:
        one, other = number[row["a"]], number[row["b"]]
        connected.join(one, other)
        if row["same"]:
            clusters.join(one, other)
    tuning, reporting = _halves(len(texts), clusters, connected)
    return Pairs(texts=tuple(texts), tuning=tuning, reporting=reporting)


def _halves(
    number: int, clusters: _Groups, connected: _Groups
) -> tuple[tuple[Asked, ...], tuple[Asked, ...]]:
    members: dict[int, list[int]] = defaultdict(list)
    for text in range(number):
        members[connected.of(text)].append(text)
    dice, parts = random.Random(SEED), sorted(members)
    dice.shuffle(parts)
    middle = len(parts) // 2

    def stream(some: Sequence[int]) -> tuple[Asked, ...]:
        asked = [
            Asked(text=text, truth=clusters.of(text), partition=part)
            for part in some
            for text in members[part]
        ]
        dice.shuffle(asked)
        return tuple(asked)

    return stream(parts[:middle]), stream(parts[middle:])
