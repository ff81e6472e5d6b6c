"""Who is next where calls wait: by priority, then the teams in turn, then as they came (pure).

Priorities share as well, only very unequally, so what is low waits long but never for good.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

LEVELS: Mapping[str, int] = {"high": 16, "normal": 4, "low": 1}
"""Of 21 turns while all of them wait."""
MANY = 4096
"""Names whose last turn is remembered before those that are of no more interest are dropped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """For whom something waits."""

    team: str
    share: int = 1
    priority: str = "normal"


class Wheel:
    """Names that take turns by weight: each of them is due again one weighted step after its last
    turn; who was away begins now and has saved nothing up."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str]] = []
        self._due: dict[str, float] = {}
        self._order = itertools.count()
        self._now = 0.0

    def join(self, name: str) -> None:
        due = max(self._now, self._due.get(name, 0.0))
        heapq.heappush(self._heap, (due, next(self._order), name))

    def next(self) -> str:
        return self._heap[0][2]

    def went(self, weight: float, *, stays: bool) -> None:
        """The one that is next has had its turn."""
        due, _, name = heapq.heappop(self._heap)
        self._now = max(self._now, due)
        self._due[name] = due + 1 / max(weight, 1e-3)
        if stays:
            self.join(name)
        elif len(self._due) > MANY:
            self._due = {known: at for known, at in self._due.items() if at > self._now}


class Turns(Generic[T]):
    """Not for several threads at once: whoever shares it holds a lock."""

    def __init__(self) -> None:
        self._levels = Wheel()
        self._teams = {level: Wheel() for level in LEVELS}
        self._waiting: dict[str, dict[str, deque[tuple[T, int]]]] = {level: {} for level in LEVELS}
        self.held: dict[str, int] = {}
        """How many wait for each team."""
        self.count = 0

    def put(self, item: T, turn: Turn) -> None:
        level = turn.priority if turn.priority in LEVELS else "normal"
        teams = self._waiting[level]
        if not teams:
            self._levels.join(level)
        if turn.team not in teams:
            teams[turn.team] = deque()
            self._teams[level].join(turn.team)
        teams[turn.team].append((item, turn.share))
        self.held[turn.team] = self.held.get(turn.team, 0) + 1
        self.count += 1

    def take(self) -> T:
        """IndexError where nobody waits."""
        level = self._levels.next()
        team = self._teams[level].next()
        teams = self._waiting[level]
        item, share = teams[team].popleft()
        if not teams[team]:
            del teams[team]
        self._teams[level].went(share, stays=team in teams)
        self._levels.went(LEVELS[level], stays=bool(teams))
        self._leave(team)
        return item

    def _leave(self, team: str) -> None:
        self.count -= 1
        self.held[team] -= 1
        if not self.held[team]:
            del self.held[team]
