"""How a speed bends with the crowd at a backend and with what it has to read (pure).

Many calls at once slow most servers, and long prompts begin later. A small regression of the
logarithm, which forgets slowly, finds by how much; with little evidence it says: not at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MEMORY = 300.0
RIDGE = 4.0
"""So many calls, spread by about one, speak for no bend at all."""
MOST_CROWD, MOST_READ = 1.5, 1.2
"""Slopes beyond these are chance: nothing gets slower by more than its share."""


def of_crowd(crowd: float) -> float:
    return math.log1p(max(crowd, 0.0))


def of_read(read: float) -> float:
    return math.log(max(read, 1.0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Bend:
    """Slopes of a logarithm over those of the crowd and of the tokens read, and around where."""

    crowd: float = 0.0
    read: float = 0.0
    at_crowd: float = 0.0
    at_read: float = 0.0

    def off(self, crowd: float, read: float) -> float:
        """How far from what is usual, in the logarithm."""
        return self.of_crowd(crowd) + self.of_read(read)

    def of_crowd(self, crowd: float) -> float:
        return self.crowd * (of_crowd(crowd) - self.at_crowd) if self.crowd else 0.0

    def of_read(self, read: float) -> float:
        return self.read * (of_read(read) - self.at_read) if self.read else 0.0


STRAIGHT = Bend()


@dataclass(frozen=True, kw_only=True, slots=True)
class Trend:
    """Fading means, variances and covariances: of the crowd, of what is read, and of the speed."""

    seen: float = 0.0
    crowd: float = 0.0
    read: float = 0.0
    speed: float = 0.0
    crowds: float = 0.0
    reads: float = 0.0
    both: float = 0.0
    with_crowd: float = 0.0
    with_read: float = 0.0

    def with_one(self, crowd: float, read: float, log: float) -> Trend:
        seen = min(self.seen, MEMORY - 1.0)
        share = 1.0 / (seen + 1.0)
        x, z = of_crowd(crowd) - self.crowd, of_read(read) - self.read
        y, kept = log - self.speed, 1.0 - share
        return Trend(
            seen=seen + 1.0,
            crowd=self.crowd + share * x,
            read=self.read + share * z,
            speed=self.speed + share * y,
            crowds=kept * (self.crowds + share * x * x),
            reads=kept * (self.reads + share * z * z),
            both=kept * (self.both + share * x * z),
            with_crowd=kept * (self.with_crowd + share * x * y),
            with_read=kept * (self.with_read + share * z * y),
        )

    def bend(self, *, rising: bool) -> Bend:
        """`rising`: a time, which a crowd makes longer; else a speed, which it makes less."""
        ridge = RIDGE / max(self.seen, 1.0)
        a, b, c = self.crowds + ridge, self.reads + ridge, self.both
        whole = a * b - c * c
        crowd = (b * self.with_crowd - c * self.with_read) / whole
        read = (a * self.with_read - c * self.with_crowd) / whole
        sign = 1.0 if rising else -1.0
        return Bend(
            crowd=sign * min(MOST_CROWD, max(0.0, sign * crowd)),
            read=min(MOST_READ, max(0.0, read)) if rising else 0.0,
            at_crowd=self.crowd,
            at_read=self.read,
        )


UNSEEN_TREND = Trend()
