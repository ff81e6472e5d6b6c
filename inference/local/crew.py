"""How many threads compute a step: what was quickest lately for a step of that size."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

TRIES = 2
"""How often each count is tried before any is preferred."""
SOONEST, LATEST = 50, 1600
"""Steps after which another count is tried again: more, the more often it lost."""
STEADY = 0.1
"""How much a new figure of the count in use weighs; of another one the old figure is forgotten."""
CLEARLY = 0.95
LARGEST = 6
"""Steps of 32 tokens and more are of one size."""


@dataclass(slots=True)
class _Size:
    """What is known of steps of about one size."""

    costs: dict[int, float] = field(default_factory=dict)
    tries: dict[int, int] = field(default_factory=dict)
    best: int = 0
    last: int = 0
    steps: int = 0
    gap: int = SOONEST
    probe_at: int = SOONEST


class Crew:
    """More threads are not always quicker: they wait for each other many times in a step, and for
    a small one, or on a machine where others compute too, the waiting is most of it. Nobody can
    know that beforehand, and it changes, so the engine goes by what it sees."""

    def __init__(self, choices: tuple[int, ...]) -> None:
        """The first is what is used until something is known."""
        self._choices = choices
        self._sizes = [_Size(best=choices[0]) for _ in range(LARGEST + 1)]

    def choose(self, tokens: int) -> int:
        size = self._sizes[min(tokens.bit_length(), LARGEST)]
        for choice in self._choices:
            if size.tries.get(choice, 0) < TRIES:
                return choice
        if size.steps < size.probe_at or len(self._choices) == 1:
            return size.best
        return min((one for one in self._choices if one != size.best), key=size.tries.__getitem__)

    def saw(self, tokens: int, threads: int, wall_s: float) -> None:
        size = self._sizes[min(tokens.bit_length(), LARGEST)]
        size.steps += 1
        size.tries[threads] = size.tries.get(threads, 0) + 1
        _weigh(size, threads, wall_s / tokens)
        cheapest = min(size.costs, key=size.costs.__getitem__)
        if size.costs[cheapest] < CLEARLY * size.costs.get(size.best, math.inf):
            size.best, size.gap = cheapest, SOONEST
        if threads != size.best:
            size.gap = min(2 * size.gap, LATEST)
            size.probe_at = size.steps + size.gap


def _weigh(size: _Size, threads: int, cost: float) -> None:
    """One step that took very long (the core was gone) counts as twice as long as usual."""
    usual = size.costs.get(threads, cost)
    weight = STEADY if threads == size.last else 1
    size.costs[threads] = usual + weight * (min(cost, 2 * usual) - usual)
    size.last = threads


def choices(most: int) -> tuple[int, ...]:
    """All of them, half as many, and so on."""
    counts = [most]
    while counts[-1] > 1:
        counts.append(counts[-1] // 2)
    return tuple(counts)
