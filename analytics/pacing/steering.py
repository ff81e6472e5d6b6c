"""What a dollar has to weigh so that a budget lasts until its window ends (pure).

The weight λ is 1 while spend is on plan, and its logarithm grows with the money that was spent
ahead of plan: dual descent, of which spend itself is the memory. So any process knows λ from the
window's row, the clock and the last anchor. Every while the plan is anchored anew: what is left
then is spread over the time that is left then, and λ goes on from where it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from analytics.pacing import profile
from analytics.pacing.profile import Profile

KEPT = 0.01
"""Of a limit is not planned for: calls that run when the window ends still find room."""
MOST = 1000.0
"""λ at which every choice is the cheapest one; more would change nothing."""
HORIZONS = 30
"""In a window. Spending one horizon's money ahead of plan makes a dollar weigh e times as much."""
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=2)
ANCHORS = 2
"""In a horizon."""
BEHIND = 5.0
"""How many times as much it counts to be behind the plan. What was spent can be made up for later,
but what was not spent only as far as there is demand: for λ is never less than 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchor:
    """Where a plan begins: when, what was spent by then, and λ's logarithm at that moment."""

    at: datetime
    spent_usd: float = 0.0
    log: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is remembered of a budget from one window to the next."""

    usual: Profile = profile.UNIFORM
    anchor: Anchor | None = None
    """None, or one of an earlier window: the plan begins with the window."""


FRESH = Plan()


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """What is to be spent in one window, and how."""

    limit_usd: float
    starts_at: datetime
    ends_at: datetime
    plan: Plan = FRESH

    @property
    def begins(self) -> Anchor:
        known = self.plan.anchor
        if known is not None and self.starts_at <= known.at < self.ends_at:
            return known
        return Anchor(at=self.starts_at)

    @property
    def horizon(self) -> timedelta:
        return min(max((self.ends_at - self.starts_at) / HORIZONS, SHORTEST), LONGEST)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """What a dollar weighs now, and why: what should be spent by now, and what is."""

    weight: float = 1.0
    planned_usd: float = 0.0
    spent_usd: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "lambda": float(f"{self.weight:.6g}"),
            "planned": round(self.planned_usd, 6),
            "spent": round(self.spent_usd, 6),
        }


def pace(course: Course, spent_usd: float, now: datetime) -> Pace:
    return Pace(
        weight=math.exp(_log(course, spent_usd, now)),
        planned_usd=planned_usd(course, now),
        spent_usd=spent_usd,
    )


def planned_usd(course: Course, now: datetime) -> float:
    """Where spend should stand now, if what was left at the anchor is spent as usual."""
    begins, usual = course.begins, course.plan.usual
    whole = usual.between(begins.at, course.ends_at)
    gone = usual.between(begins.at, min(now, course.ends_at))
    return begins.spent_usd + _left_usd(course) * (gone / whole if whole > 0 else 1.0)


def anchored(course: Course, spent_usd: float, now: datetime) -> Anchor:
    """The next anchor, or the present one while that is young enough."""
    begins = course.begins
    if course.plan.anchor is begins and now - begins.at < course.horizon / ANCHORS:
        return begins
    return Anchor(at=now, spent_usd=spent_usd, log=_log(course, spent_usd, now))


def _log(course: Course, spent_usd: float, now: datetime) -> float:
    ahead_usd, unit_usd = spent_usd - planned_usd(course, now), _unit_usd(course)
    if unit_usd <= 0:
        return math.log(MOST) if ahead_usd >= 0 else 0.0
    gain = 1.0 if ahead_usd >= 0 else BEHIND
    log = course.begins.log + gain * ahead_usd / unit_usd
    return min(max(log, 0.0), math.log(MOST))


def _unit_usd(course: Course) -> float:
    """What is left for an average horizon; at the very end not less than part of what is kept."""
    left = course.ends_at - course.begins.at
    share_usd = _left_usd(course) * min(1.0, course.horizon / left)
    return max(share_usd, course.limit_usd * KEPT / 4)


def _left_usd(course: Course) -> float:
    return max(0.0, course.limit_usd * (1 - KEPT) - course.begins.spent_usd)
