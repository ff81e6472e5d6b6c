"""How well a team's stored answers do: precision out of evidence, hits and savings by tier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Count, F, Sum
from django.db.models.functions import TruncDate

from analytics import figures
from caching.faces import precision
from caching.faces.precision import Day, Estimate, Look
from caching.models import CacheTerms, Evidence, Mind
from teams.models import Team

DAYS = {"7d": 7, "30d": 30}
HEIGHT = 160.0
WIDTH = 1000.0
WIDEST = 0.2
"""A few looks leave intervals that reach beyond this; they would flatten all the others."""
NICE = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
SOURCES = dict(Evidence._meta.get_field("source").choices or ())


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """One day in the drawing: where its estimate stands, and from where to where it may be."""

    day: Day
    x: float
    y: float
    top: float
    bottom: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    words: str
    right: int
    wrong: int
    waiting: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    team: Team
    days: int
    estimate: Estimate
    sentence: str
    drawn: list[Mark]
    ceiling: float
    bound_y: float
    sources: list[Source]
    complaints: int
    work: figures.Work
    mind: Mind | None
    """What the judge has learned; None: it keeps to the static threshold."""

    @property
    def half(self) -> float:
        return self.ceiling / 2

    @property
    def ticks(self) -> list[date]:
        """The first day, the last, and one between."""
        last = datetime.now(UTC).date()
        back = (self.days - 1, (self.days - 1) // 2, 0)
        return [last - timedelta(days=days) for days in back]


def of(team: Team, terms: CacheTerms, span: str) -> Quality:
    now = datetime.now(UTC)
    days = DAYS.get(span, 7)
    first = now.date() - timedelta(days=days - 1)
    rows = figures.seen([team.pk], team.name)
    work = figures.work(rows, span=figures.SPANS[f"{days}d"], now=now)
    evidence = _evidence(team, first)
    looks = [_look(row) for row in evidence if _tells(row)]
    daily = precision.by_day(looks, first, days)
    estimate = precision.of(looks)
    ceiling = _ceiling(daily, terms.epsilon)
    return Quality(
        team=team,
        days=days,
        estimate=estimate,
        sentence=precision.sentence(estimate, work.by_meaning, days),
        drawn=_drawn(daily, ceiling),
        ceiling=ceiling,
        bound_y=round(HEIGHT * (1 - terms.epsilon / ceiling), 2),
        sources=_sources(evidence),
        complaints=sum(row["n"] for row in evidence if row["source"] == "feedback"),
        work=work,
        mind=_mind(team),
    )


def _evidence(team: Team, first: date) -> list[dict[str, Any]]:
    midnight = datetime.combine(first, datetime.min.time(), UTC)
    grouped: Any = (
        Evidence.objects.filter(team=team, at__gte=midnight)
        .order_by()
        .annotate(day=TruncDate("at", tzinfo=UTC))
        .values("day", "source", "served", "right")
        .annotate(n=Count("id"), total=Sum("weight"), squares=Sum(F("weight") * F("weight")))
    )
    return list(grouped)


def _tells(row: Mapping[str, Any]) -> bool:
    """Only what was drawn by chance among the served says how many of them are wrong."""
    return row["source"] == "shadow" and row["served"] and row["right"] is not None


def _look(row: Mapping[str, Any]) -> Look:
    return Look(day=row["day"], right=row["right"], weight=row["total"], squares=row["squares"])


def _sources(rows: list[dict[str, Any]]) -> list[Source]:
    def summed(source: str, right: bool | None) -> int:
        return sum(r["n"] for r in rows if r["source"] == source and r["right"] is right)

    return [
        Source(
            words=str(words),
            right=summed(source, True),
            wrong=summed(source, False),
            waiting=summed(source, None),
        )
        for source, words in SOURCES.items()
    ]


def _ceiling(daily: list[Day], epsilon: float) -> float:
    ends = [d.estimate.high for d in daily if d.estimate.looked_at]
    highest = max([epsilon * 1.5, *(min(end, WIDEST) for end in ends)])
    return next((nice for nice in NICE if nice >= highest), 1.0)


def _drawn(daily: list[Day], ceiling: float) -> list[Mark]:
    step = WIDTH / len(daily)
    return [
        _mark(day, x=round((index + 0.5) * step, 2), ceiling=ceiling)
        for index, day in enumerate(daily)
        if day.estimate.looked_at
    ]


def _mark(day: Day, *, x: float, ceiling: float) -> Mark:
    def height(share: float) -> float:
        return round(HEIGHT * (1 - min(share / ceiling, 1.0)), 2)

    found = day.estimate
    return Mark(
        day=day, x=x, y=height(found.wrong), top=height(found.high), bottom=height(found.low)
    )


def _mind(team: Team) -> Mind | None:
    rows = Mind.objects.filter(team=team, withdrawn_at=None).defer("learned")
    return rows.order_by("-id").first()
