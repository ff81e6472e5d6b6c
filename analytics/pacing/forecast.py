"""Where spend will stand at the end of a window, how surely, and when its limit is reached (pure).

What was spent of late, held against what is usual for those hours, gives a level; what is usual
for the hours to come gives the rest. Days vary around their level as they have varied so far.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from analytics.pacing.profile import Hour, Profile

EIGHT_OF_TEN = 1.2816
"""So many deviations to either side hold 80 of 100."""
HALF_LIFE_H = 7 * 24.0
"""Spend of a week ago counts half as much for the level as today's."""
DOUBT = 0.5
"""The variation, relative to the level, that is assumed where too little was seen to tell."""
DOUBTED = 3.0
"""So many spans weigh as much as that assumption."""
LEAST_H = 2.0
"""Of what was seen, in average hours; before that nothing is foretold."""
HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """What is foretold of: how much may be spent until when, and how much is."""

    limit_usd: float
    spent_usd: float
    ends_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """Dollars at the end of the window, between what 80 of 100 such windows end, and the moments
    at which the limit is reached; None: not in this window."""

    usd: float
    low_usd: float
    high_usd: float
    exhausted_at: datetime | None = None
    earliest: datetime | None = None
    """When the limit is reached if it goes on as dearly as it well may."""

    def as_json(self) -> dict[str, Any]:
        return {
            "expected_usd": f"{self.usd:.6f}",
            "low_usd": f"{self.low_usd:.6f}",
            "high_usd": f"{self.high_usd:.6f}",
            "exhausted_at": self.exhausted_at and self.exhausted_at.isoformat(),
            "earliest": self.earliest and self.earliest.isoformat(),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """Dollars in an average hour, and how much spans of `span_h` vary around it, relatively."""

    usd_h: float
    spread: float
    span_h: float
    seen: float
    """Spans behind it, older ones counting less."""


def foretell(
    window: Window, hours: Sequence[Hour], usual: Profile, now: datetime
) -> Forecast | None:
    """`hours` are whole ones of the past without a gap, in this window or before, those without
    spend among them. None where too little was seen to say anything."""
    level = _level(hours, usual, now)
    if level is None:
        return None
    left_h = usual.between(now, window.ends_at)
    middle = level.usd_h * left_h
    off = EIGHT_OF_TEN * middle * _relative(level, left_h)
    spent = window.spent_usd
    return Forecast(
        usd=spent + middle,
        low_usd=spent + max(0.0, middle - off),
        high_usd=spent + middle + off,
        exhausted_at=_reached(window, level.usd_h, usual, now),
        earliest=_reached(window, _dear(level, left_h), usual, now),
    )


def _level(hours: Sequence[Hour], usual: Profile, now: datetime) -> Level | None:
    """By days where there are several, else by hours."""
    if not hours:
        return None
    span = 24 if len(hours) >= 72 else 1
    spans = list(_spans(hours, usual, span))
    shares = [0.5 ** ((now - at) / HOUR / HALF_LIFE_H) for at, _, _ in spans]
    weighed = [share * usual_h for share, (_, _, usual_h) in zip(shares, spans, strict=True)]
    total_h = math.fsum(weighed)
    if math.fsum(usual_h for _, _, usual_h in spans) < LEAST_H or total_h <= 0:
        return None
    dear = (share * usd for share, (_, usd, _) in zip(shares, spans, strict=True))
    usd_h = math.fsum(dear) / total_h
    return Level(
        usd_h=usd_h,
        spread=_spread(spans, weighed, usd_h),
        span_h=float(span),
        seen=math.fsum(shares),
    )


def _spans(
    hours: Sequence[Hour], usual: Profile, span: int
) -> Iterable[tuple[datetime, float, float]]:
    """Counted back from the last hour: when each began, its dollars, its usual hours."""
    for end in range(len(hours), span - 1, -span):
        part = hours[end - span : end]
        began, ended = part[0][0], part[-1][0] + HOUR
        yield began, math.fsum(usd for _, usd in part), usual.between(began, ended)


def _spread(
    spans: Sequence[tuple[datetime, float, float]], weighed: Sequence[float], usd_h: float
) -> float:
    """Of spans around what the level says of them, with some doubt where few were seen."""
    if usd_h <= 0:
        return DOUBT
    squares = [
        weight * (usd / (usual_h * usd_h) - 1) ** 2
        for weight, (_, usd, usual_h) in zip(weighed, spans, strict=True)
        if usual_h > 0
    ]
    seen = max(0.0, len(squares) - 1.0)
    variance = math.fsum(squares) / math.fsum(weighed)
    return math.sqrt((seen * variance + DOUBTED * DOUBT * DOUBT) / (seen + DOUBTED))


def _relative(level: Level, left_h: float) -> float:
    """How uncertain the rest is: its own days vary, and the level is only known so well."""
    to_come = max(left_h / level.span_h, 1e-9)
    return level.spread * math.sqrt(1.0 / to_come + 1.0 / max(level.seen, 1.0))


def _dear(level: Level, left_h: float) -> float:
    return level.usd_h * (1 + EIGHT_OF_TEN * _relative(level, left_h))


def _reached(window: Window, usd_h: float, usual: Profile, now: datetime) -> datetime | None:
    """By halving the time that is left: what is usual only grows."""
    free = window.limit_usd - window.spent_usd
    if free <= 0:
        return now
    if usd_h * usual.between(now, window.ends_at) < free:
        return None
    low, high = now, window.ends_at
    while high - low > timedelta(minutes=1):
        middle = low + (high - low) / 2
        low, high = (low, middle) if usd_h * usual.between(now, middle) >= free else (middle, high)
    return high
