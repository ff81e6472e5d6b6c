"""How SLAs stand, as their pages draw it: strips, a calendar, causes, reliability."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from analytics.models import Sla, SlaState
from analytics.promises import burning, missing, rolling
from analytics.promises.burning import Hour, Reached
from analytics.promises.reliability import Bin, brier, brier_of_constant
from analytics.promises.values import CAUSES, WORDS, Promise

VERDICTS = {
    "calm": ("within budget", "ok"),
    "slow": ("burns slowly", "warn"),
    "fast": ("burns fast", "bad"),
}
MOST_MISSES = 25
MISSES_DAYS = 7
WIDE, HIGH = 1000.0, 200.0
PLOT = 100.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One promise beside what became of it."""

    name: str
    words: str
    limit: str
    reached: Reached
    left_percent: float
    """For a bar: 0 to 100."""

    @property
    def kind(self) -> str:
        if self.reached.attained is None:
            return ""
        return "ok" if self.reached.left > 0.25 else "warn" if self.reached.left >= 0 else "bad"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One hour or day of a strip, in the units of its view box."""

    x: float
    y: float
    kind: str
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One SLA, as the list and its own page begin with it."""

    row: Sla
    targets: list[Target]
    verdict: str
    verdict_kind: str
    counted: bool
    requests: int
    strip: list[Cell]


def line(row: Sla, state: SlaState | None, hours: Sequence[Hour], now: datetime) -> Line:
    promise = rolling.promise_of(row)
    found = burning.reached(promise, hours, now)
    requests = sum(hour.requests for hour in hours)
    words, kind = _verdict(row, state, requests)
    return Line(
        row=row,
        targets=[_target(promise, each) for each in found],
        verdict=words,
        verdict_kind=kind,
        counted=bool(state and state.rolled_to),
        requests=requests,
        strip=strip(promise, hours, now, days=30),
    )


def _verdict(row: Sla, state: SlaState | None, requests: int) -> tuple[str, str]:
    """A promise that nothing falls under, of a misspelt route say, is not one that is kept."""
    if not row.enabled:
        return "off", ""
    verdict = state.verdict if state else burning.CALMLY
    if verdict == burning.CALMLY and not requests:
        return "no requests yet", ""
    return VERDICTS[verdict]


def _target(promise: Promise, found: Reached) -> Target:
    limits = {
        "ttft": f"{promise.ttft_ms or 0:g} ms",
        "total": f"{promise.total_ms or 0:g} ms",
        "quality": f"at least {promise.min_quality or 0:g}",
        "availability": "answered",
    }
    return Target(
        name=found.target,
        words=WORDS[found.target],
        limit=limits[found.target],
        reached=found,
        left_percent=round(min(1.0, max(0.0, found.left)) * 100, 1),
    )


def strip(promise: Promise, hours: Iterable[Hour], now: datetime, *, days: int) -> list[Cell]:
    """A square for each day, today last."""
    by_day: dict[date, list[Hour]] = {}
    for hour in hours:
        by_day.setdefault(hour.at.astimezone(UTC).date(), []).append(hour)
    today = now.astimezone(UTC).date()
    wanted = [today - timedelta(days=back) for back in reversed(range(days))]
    return [
        _cell(place * 10.0, 0.0, f"{day:%d %b}", _worst(by_day.get(day, []), promise))
        for place, day in enumerate(wanted)
    ]


Seen = tuple[int, int, float]
"""Held to a target, missed it, and the share that may."""


def _worst(hours: Sequence[Hour], promise: Promise) -> Seen:
    """The target that is missed most beside what it allows."""
    found = []
    for target in promise.targets:
        counted = sum(hour.counted.get(target, 0) for hour in hours)
        missed = sum(hour.misses.get(target, 0) for hour in hours)
        found.append((counted, missed, promise.allowed(target)))
    return max(found, key=lambda each: each[1] / (each[2] or 1.0), default=(0, 0, 0.0))


def _cell(x: float, y: float, when: str, seen: Seen) -> Cell:
    counted, missed, allowed = seen
    if not counted:
        return Cell(x=x, y=y, kind="none", words=f"{when}: no requests")
    share = missed / counted
    kind = "good" if share <= allowed else "part" if share <= min(1.0, 4 * allowed) else "bad"
    return Cell(x=x, y=y, kind=kind, words=f"{when}: {1 - share:.1%} kept of {counted}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    words: str
    cells: list[Cell]
    counted: int
    missed: int


def calendar(promise: Promise, hours: Iterable[Hour], now: datetime, *, days: int) -> list[Day]:
    """A line for each day, today first; a square for each of its hours (UTC)."""
    known = {hour.at.astimezone(UTC): hour for hour in hours}
    begins = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return [_day(promise, known, begins - timedelta(days=back)) for back in range(days)]


def _day(promise: Promise, known: Mapping[datetime, Hour], begins: datetime) -> Day:
    moments = [begins + timedelta(hours=hour) for hour in range(24)]
    cells = [
        _cell(place * 10.0, 0.0, f"{at:%d %b %H}:00", _worst(_at(known, at), promise))
        for place, at in enumerate(moments)
    ]
    found = [each for at in moments for each in _at(known, at)]
    counted, missed, _ = _worst(found, promise)
    return Day(words=f"{begins:%a %d %b}", cells=cells, counted=counted, missed=missed)


def _at(known: Mapping[datetime, Hour], at: datetime) -> list[Hour]:
    return [known[at]] if at in known else []


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    name: str
    count: int
    x: float
    width: float


def causes(hours: Iterable[Hour]) -> list[Cause]:
    """As one bar, in percent of all misses."""
    total: Counter[str] = Counter()
    for hour in hours:
        total.update(hour.causes)
    found, x, whole = [], 0.0, total.total() or 1
    for name in CAUSES:
        width = round(total[name] / whole * 100, 2)
        if total[name]:
            found.append(Cause(name=name, count=total[name], x=round(x, 2), width=width))
        x += width
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Missed:
    """One request that missed something."""

    exchange_id: UUID | None
    at: datetime | None
    state: str
    model: str
    total_ms: float
    first_content_ms: float | None
    misses: list[tuple[str, str]]


def misses(promise: Promise, asked: Mapping[str, str], now: datetime) -> list[Missed]:
    """The newest first, of the last days; narrowed by `cause` and `target`."""
    begins = now - timedelta(days=MISSES_DAYS)
    marks = rolling.heard(promise.team_id, begins, now) if promise.min_quality else {}
    bad = [
        told
        for told in rolling.requests(promise, begins, now, marks, order="-at")
        if missing.names(promise, told)
    ]
    found = (_missed(promise, told) for told in rolling.with_receipts(bad))
    return list(islice((each for each in found if _wanted(each, asked)), MOST_MISSES))


def _missed(promise: Promise, told: Any) -> Missed:
    return Missed(
        exchange_id=told.exchange_id,
        at=told.at,
        state=told.state,
        model=told.model,
        total_ms=told.total_ms,
        first_content_ms=told.first_content_ms,
        misses=[(WORDS[miss.target], miss.cause) for miss in missing.missed(promise, told)],
    )


def _wanted(each: Missed, asked: Mapping[str, str]) -> bool:
    cause, target = asked.get("cause", ""), WORDS.get(asked.get("target", ""), "")
    return any(
        (not cause or cause == why) and (not target or target == what) for what, why in each.misses
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Dot:
    x: float
    y: float
    r: float
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reliability:
    """Predicted beside seen, and what the predictions were worth."""

    dots: list[Dot]
    bins: list[Bin]
    requests: int
    late: int
    brier: float
    constant: float

    @property
    def gain(self) -> float:
        return 1 - self.brier / self.constant if self.constant else 0.0


def reliability(bins: Sequence[Bin]) -> Reliability | None:
    known = [each for each in bins if each.requests]
    if not known:
        return None
    requests = sum(each.requests for each in known)
    return Reliability(
        dots=[_dot(each, requests) for each in known],
        bins=list(known),
        requests=requests,
        late=sum(each.late for each in known),
        brier=brier(known),
        constant=brier_of_constant(known),
    )


def _dot(each: Bin, requests: int) -> Dot:
    return Dot(
        x=round(each.predicted_mean * PLOT, 2),
        y=round(PLOT - each.seen * PLOT, 2),
        r=round(1.2 + 4.0 * (each.requests / requests) ** 0.5, 2),
        words=f"predicted {each.predicted_mean:.0%}, seen {each.seen:.0%} of {each.requests}",
    )
