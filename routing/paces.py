"""How fast a backend has been of late, as a small sketch that forgets: pure, for the decision."""

from __future__ import annotations

import math
from dataclasses import dataclass

MEMORY = 20.0
"""Calls after which older ones hardly count: providers change within minutes."""
LEAST_SPREAD = 0.01
"""Variance of a logarithm: two equal times are no promise that the third is equal."""
SHORTEST_S = 1e-4


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """A lognormal quantity by mean and variance of its logarithm; older observations fade."""

    mean: float = 0.0
    variance: float = 0.0
    seen: float = 0.0

    def with_one(self, value: float) -> Spread:
        log = math.log(max(value, SHORTEST_S))
        seen = min(self.seen, MEMORY - 1.0)
        share, off = 1.0 / (seen + 1.0), log - self.mean
        return Spread(
            mean=self.mean + share * off,
            variance=(1.0 - share) * (self.variance + share * off * off),
            seen=seen + 1.0,
        )

    @property
    def middle(self) -> float:
        return math.exp(self.mean)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """Seconds until the first content, and tokens a second from there on."""

    first_s: Spread = Spread()
    tps: Spread = Spread()


UNSEEN = Pace()


def streamed(pace: Pace, first_s: float) -> Pace:
    return Pace(first_s=pace.first_s.with_one(first_s), tps=pace.tps)


def wrote(pace: Pace, tokens: int, writing_s: float) -> Pace:
    if tokens < 1 or writing_s <= 0:
        return pace
    return Pace(first_s=pace.first_s, tps=pace.tps.with_one(tokens / writing_s))


def whole(pace: Pace, tokens: int, took_s: float) -> Pace:
    """An answer that came in one piece does not say when it began: as it usually does here, or
    after a quarter of its time."""
    if pace.first_s.seen < 1:
        pace = streamed(pace, took_s / 4)
    return wrote(pace, tokens, took_s - min(pace.first_s.middle, took_s / 2))
