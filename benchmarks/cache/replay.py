"""A cache replayed in memory: its judge, its ladder and its rules of evidence are KORA's own."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from benchmarks.cache.vectors import Vectors
from caching.judge import evidence
from caching.judge.evidence import Counted
from caching.values import Neighbour

NEIGHBOURS = 10
MOST_ENTRIES = 1_000_000
"""Of a partition: their numbers are unlike those of any other."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request of a stream. Truth is which answer is right; nobody but the tally knows it."""

    text: int
    truth: int
    partition: int = 0


@dataclass(kw_only=True, slots=True)
class Stored:
    text: int
    answer: int
    rights: float = 0.0
    wrongs: float = 0.0
    quarantined: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Near:
    """What a rule is shown: the question, and what stands near it."""

    question: str
    text: int
    neighbours: Sequence[Neighbour]


class Rule(Protocol):
    """Says whether the nearest may answer; is told what a regenerated answer showed.

    `was_sure`: whether a neighbour that was not served had all the same seemed right.
    """

    @property
    def shadow_share(self) -> float: ...

    def serves(self, near: Near) -> bool: ...

    def was_sure(self, near: Near) -> bool: ...

    def learns(self, near: Near, *, right: bool, weight: float) -> None: ...


@dataclass(kw_only=True)
class Tally:
    asked: int = 0
    exact: int = 0
    hits: int = 0
    wrong: int = 0
    shadows: int = 0
    trail: list[tuple[int, bool]] = field(default_factory=list)
    """Of each answer served by meaning: at which request, and whether it was right."""

    @property
    def error(self) -> float:
        return self.wrong / self.hits if self.hits else 0.0


class Replay:
    """Exact repeats are answered first, then the rule is asked; what is not served is stored.

    A miss shows for nothing whether its neighbour would have been right; hits are asked again
    with the rule's share. What follows for the entry, and for those that answer the same, is as
    in `caching.judge.evidence`: counts, doubt, quarantine. Rules other than KORA's ignore it.
    """

    def __init__(
        self, rule: Rule, texts: Sequence[str], vectors: Vectors, *, seed: int = 1
    ) -> None:
        self.rule, self.texts, self.vectors = rule, texts, vectors
        self.dice = random.Random(seed)
        self.tally = Tally()
        self._parts: dict[int, _Partition] = {}

    def ask(self, asked: Asked) -> None:
        part = self._part(asked.partition)
        self.tally.asked += 1
        known = part.known(asked.text)
        if known is not None and known.answer == asked.truth and not known.quarantined:
            self.tally.exact += 1
            return
        near = self._near(part, asked)
        if near is not None and self._answered(part, near, asked):
            return
        part.store(asked, self.vectors[asked.text])

    def _part(self, number: int) -> _Partition:
        if number not in self._parts:
            first = len(self._parts) * MOST_ENTRIES
            self._parts[number] = _Partition(self.vectors.shape[1], first=first)
        return self._parts[number]

    def _near(self, part: _Partition, asked: Asked) -> Near | None:
        found = part.nearest(self.vectors[asked.text])
        neighbours = [
            Neighbour(
                entry_id=part.first + number,
                similarity=similarity,
                question=self.texts[stored.text],
                answer_class=stored.answer.to_bytes(8, "big", signed=True),
                rights=stored.rights,
                wrongs=stored.wrongs,
                doubts=part.doubts[stored.answer],
                age_s=0.0,
            )
            for number, similarity, stored in found
        ]
        if not neighbours:
            return None
        return Near(question=self.texts[asked.text], text=asked.text, neighbours=neighbours)

    def _answered(self, part: _Partition, near: Near, asked: Asked) -> bool:
        nearest = part.entries[near.neighbours[0].entry_id - part.first]
        right = nearest.answer == asked.truth
        served = self.rule.serves(near)
        if served:
            self.tally.hits += 1
            self.tally.wrong += not right
            self.tally.trail.append((self.tally.asked, right))
        share = self.rule.shadow_share if served else 1.0
        if self.dice.random() < share:
            self.tally.shadows += served
            self._show(part, near, right=right, served=served)
            if served and not right:  # what the second look brought is kept like any answer
                part.store(asked, self.vectors[asked.text])
        return served

    def _show(self, part: _Partition, near: Near, *, right: bool, served: bool) -> None:
        share = self.rule.shadow_share if served else 1.0
        sure = served or self.rule.was_sure(near)
        self.rule.learns(near, right=right, weight=1.0 / share)
        if not self.rule.shadow_share:
            return
        nearest = part.entries[near.neighbours[0].entry_id - part.first]
        counts = served or near.neighbours[0].similarity >= evidence.LIKE_IT
        if counts:
            nearest.rights = nearest.rights * evidence.FORGETS + right
            nearest.wrongs = nearest.wrongs * evidence.FORGETS + (not right)
        if right and counts:
            part.doubts[nearest.answer] = 0
        elif sure and not right:
            part.doubt(nearest, served=served)


class _Partition:
    """The entries of one scope and surroundings, compared exactly."""

    def __init__(self, dimensions: int, *, first: int) -> None:
        self.first = first
        self.doubts: Counter[int] = Counter()
        """Of each answer."""
        self.entries: list[Stored] = []
        self._by_text: dict[int, int] = {}
        self._rows = np.zeros((64, dimensions), dtype=np.float32)

    def doubt(self, wrong: Stored, *, served: bool) -> None:
        stands = Counted(
            entry_id=wrong.text,
            served=served,
            pinned=False,
            rights=wrong.rights,
            wrongs=wrong.wrongs,
        )
        wrong.quarantined = wrong.quarantined or evidence.is_condemned(stands)
        self.doubts[wrong.answer] += 1
        if self.doubts[wrong.answer] >= evidence.CHANGED:
            for each in self.entries:
                each.quarantined = each.quarantined or each.answer == wrong.answer

    def known(self, text: int) -> Stored | None:
        number = self._by_text.get(text)
        return None if number is None else self.entries[number]

    def store(self, asked: Asked, vector: Vectors) -> None:
        """A fresh answer takes the place of what was stored for the very same question."""
        fresh = Stored(text=asked.text, answer=asked.truth)
        number = self._by_text.get(asked.text)
        if number is not None:
            self.entries[number] = fresh
            return
        if len(self.entries) == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        self._rows[len(self.entries)] = vector
        self._by_text[asked.text] = len(self.entries)
        self.entries.append(fresh)

    def nearest(self, vector: Vectors) -> list[tuple[int, float, Stored]]:
        if not self.entries:
            return []
        cosines = self._rows[: len(self.entries)] @ vector
        some = min(2 * NEIGHBOURS, len(cosines))
        top = np.argpartition(-cosines, some - 1)[:some]
        ordered = top[np.argsort(-cosines[top], kind="stable")]
        live = [int(at) for at in ordered if not self.entries[at].quarantined][:NEIGHBOURS]
        return [(at, float(cosines[at]), self.entries[at]) for at in live]
