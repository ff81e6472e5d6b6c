"""How often answers served by meaning were right: estimates with their intervals (pure)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

ENOUGH = 20.0
"""Answers looked at, below which no share is told."""
Z = 1.959964


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """Answers of one day that were served by meaning and looked at again."""

    day: date
    right: bool
    weight: float
    """The sum of one over the probability that each was looked at."""
    squares: float
    """The sum of the squares of those weights: unequal ones tell less."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """The share of wrong answers; nothing is told before enough were looked at."""

    looked_at: float = 0.0
    """As many equally likely looks as these weights are worth."""
    wrong: float = 0.0
    low: float = 0.0
    high: float = 1.0

    @property
    def is_enough(self) -> bool:
        return self.looked_at >= ENOUGH


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    day: date
    estimate: Estimate


def of(looks: Iterable[Look]) -> Estimate:
    kept = list(looks)
    weight = sum(look.weight for look in kept)
    squares = sum(look.squares for look in kept)
    if not weight or not squares:
        return Estimate()
    wrong = sum(look.weight for look in kept if not look.right) / weight
    worth = weight * weight / squares
    low, high = wilson(wrong, worth)
    return Estimate(looked_at=worth, wrong=wrong, low=low, high=high)


def wilson(share: float, n: float) -> tuple[float, float]:
    """The 95 % interval that stays honest near zero and with few looks."""
    centre = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    # Rounding must not leave what was seen outside of its own interval.
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def by_day(looks: Iterable[Look], first: date, days: int) -> list[Day]:
    kept: dict[date, list[Look]] = defaultdict(list)
    for look in looks:
        kept[look.day].append(look)
    dates = [first + timedelta(days=index) for index in range(days)]
    return [Day(day=each, estimate=of(kept[each])) for each in dates]


def sentence(estimate: Estimate, served: int, days: int) -> str:
    if not served:
        return f"No answer was served by meaning in {days} days, so there is nothing to be wrong."
    some = f"Of {served:,} answer{'s' if served != 1 else ''} served by meaning in {days} days"
    if not estimate.is_enough:
        return (
            f"{some} {estimate.looked_at:.0f} were looked at again: "
            "not enough evidence yet to say how many are wrong."
        )
    return (
        f"{some} about {told(estimate.wrong)} were wrong "
        f"(between {told(estimate.low)} and {told(estimate.high)}, 95 % interval)."
    )


def told(share: float) -> str:
    return f"{share * 100:.1f}\N{NO-BREAK SPACE}%"
