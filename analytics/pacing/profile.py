"""How spend is usually spread over the hours of a week, and how much lies in a span (pure)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise

WEEK_H = 168
DAY_H = 24
DOUBT = 2.0
"""An hour of the week is believed like its hour of any day until it was seen more often than
this; and that like every other hour."""
MOST = 6.0
"""One hour counts at most so many times the average: a launch is not what is usual."""
Hour = tuple[datetime, float]
"""When it began, and the dollars that were spent in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """Shares of the hours of a week, counted in UTC; an average hour counts as one."""

    sums: tuple[float, ...]
    """Of the hours before each of the week; the last is the whole week's, 168."""

    def between(self, begin: datetime, end: datetime) -> float:
        """Average hours' worth of usual spend; never below 0."""
        return max(0.0, self._until(end) - self._until(begin))

    def _until(self, moment: datetime) -> float:
        weeks, hours = divmod(moment.timestamp() / 3600, WEEK_H)
        whole = min(int(hours), WEEK_H - 1)
        part = (hours - whole) * (self.sums[whole + 1] - self.sums[whole])
        return weeks * WEEK_H + self.sums[whole] + part

    @property
    def shares(self) -> tuple[float, ...]:
        return tuple(b - a for a, b in pairwise(self.sums))


def of(shares: Sequence[float]) -> Profile:
    """Of 168 numbers that are zero or more; anything else is no profile, and means uniform."""
    total = math.fsum(shares)
    if len(shares) != WEEK_H or not math.isfinite(total) or total <= 0 or min(shares) < 0:
        return UNIFORM
    return Profile(sums=(0.0, *accumulate(share * WEEK_H / total for share in shares)))


UNIFORM = Profile(sums=tuple(float(hour) for hour in range(WEEK_H + 1)))


def learned(hours: Iterable[Hour]) -> Profile:
    """From whole hours of the past, those without spend among them; without any, uniform."""
    seen = [(_slot(at), max(usd, 0.0)) for at, usd in hours]
    mean = math.fsum(usd for _, usd in seen) / len(seen) if seen else 0.0
    if mean <= 0:
        return UNIFORM
    capped = [(slot, min(usd / mean, MOST)) for slot, usd in seen]
    level = math.fsum(share for _, share in capped) / len(capped)
    daily = _means([(slot % DAY_H, share) for slot, share in capped], [level] * DAY_H)
    return of(_means(capped, daily * (WEEK_H // DAY_H)))


def _means(seen: Sequence[tuple[int, float]], believed: Sequence[float]) -> list[float]:
    sums = [DOUBT * each for each in believed]
    counts = [DOUBT] * len(sums)
    for slot, share in seen:
        sums[slot] += share
        counts[slot] += 1.0
    return [total / count for total, count in zip(sums, counts, strict=True)]


def _slot(moment: datetime) -> int:
    return int(moment.timestamp() // 3600) % WEEK_H
