"""How much of an error budget is left, how fast it burns, and when that is too fast (pure).

A burn of 1 spends the whole budget in exactly the window; the most that can burn is one miss for
each request, which is 20 where 95 % are promised, so what counts as fast is capped by that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from analytics.promises.values import Promise

SPANS: Mapping[str, timedelta] = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "3d": timedelta(days=3),
}
FAST = {"1h": (14.0, 0.5), "6h": (6.0, 0.1)}
"""Burning fast is more than the first in both, or more than this share of the most there can be."""
SLOW = {"6h": 1.0, "3d": 1.0}
CALM = 1.0
"""Fast is over when the last hour burns less than the budget allows."""
ENOUGH = 10
"""Requests of the last hour below which nothing is called fast, and of the window, slow."""
CALMLY, SLOWLY, FASTLY = "calm", "slow", "fast"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hour:
    """The requests of one hour: how many were held to each target, and how many missed it."""

    at: datetime
    requests: int = 0
    counted: Mapping[str, int] = field(default_factory=dict)
    misses: Mapping[str, int] = field(default_factory=dict)
    causes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """One target over the window."""

    target: str
    promised: float
    """The share of requests that should keep it."""
    counted: int
    missed: int
    burns: Mapping[str, float]
    """By span, times as fast as the budget allows."""

    @property
    def attained(self) -> float | None:
        return 1 - self.missed / self.counted if self.counted else None

    @property
    def left(self) -> float:
        """Of the error budget, 1 to 0; below, the promise is broken."""
        allowed = (1 - self.promised) * self.counted
        return 1.0 if not self.missed else 1 - self.missed / max(allowed, 1e-9)

    @property
    def kept(self) -> bool:
        return self.attained is None or self.left >= 0

    def as_json(self) -> dict[str, Any]:
        return {
            "target": self.target,
            "promised": round(self.promised, 6),
            "attained": None if self.attained is None else round(self.attained, 6),
            "counted": self.counted,
            "missed": self.missed,
            "budget_left": round(self.left, 4),
            "burn": {name: round(burn, 3) for name, burn in self.burns.items()},
        }


def reached(promise: Promise, hours: Iterable[Hour], now: datetime) -> list[Reached]:
    known = list(hours)
    begins = now - timedelta(days=promise.window_days)
    inside = [hour for hour in known if hour.at >= begins - timedelta(hours=1)]
    return [_reached(promise, target, inside, now) for target in promise.targets]


def _reached(promise: Promise, target: str, hours: list[Hour], now: datetime) -> Reached:
    counted, missed = _sums(hours, target)
    return Reached(
        target=target,
        promised=1 - promise.allowed(target),
        counted=counted,
        missed=missed,
        burns={name: _burn(promise, target, hours, now - span) for name, span in SPANS.items()},
    )


def _burn(promise: Promise, target: str, hours: list[Hour], since: datetime) -> float:
    """Hours are whole: the one in which the span begins counts too."""
    begins = since.replace(minute=0, second=0, microsecond=0)
    counted, missed = _sums([hour for hour in hours if hour.at >= begins], target)
    return missed / counted / max(promise.allowed(target), 1e-9) if counted else 0.0


def _sums(hours: Iterable[Hour], target: str) -> tuple[int, int]:
    known = list(hours)
    counted = sum(hour.counted.get(target, 0) for hour in known)
    return counted, sum(hour.misses.get(target, 0) for hour in known)


def verdict(
    promise: Promise, targets: Iterable[Reached], *, lately: int, before: str = CALMLY
) -> str:
    """`lately` is how many requests came in the last hour; `before` is the verdict until now."""
    known = list(targets)
    if any(_is_fast(promise, each) for each in known) and lately >= ENOUGH:
        return FASTLY
    if before == FASTLY and any(each.burns["1h"] >= CALM for each in known):
        return FASTLY
    return SLOWLY if any(_is_slow(each) for each in known) else CALMLY


def _is_fast(promise: Promise, each: Reached) -> bool:
    most = 1 / max(promise.allowed(each.target), 1e-9)
    return all(each.burns[span] > min(at, share * most) for span, (at, share) in FAST.items())


def _is_slow(each: Reached) -> bool:
    return each.counted >= ENOUGH and all(each.burns[span] > most for span, most in SLOW.items())


def burning(targets: Iterable[Reached]) -> tuple[str, ...]:
    """The targets that are missed more often than allowed, this hour."""
    return tuple(each.target for each in targets if each.burns["1h"] > CALM)
