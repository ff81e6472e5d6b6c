"""What the overview says of a span of time: totals, and requests over time by tier."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import (
    Aggregate,
    Case,
    Count,
    DateTimeField,
    DurationField,
    F,
    FloatField,
    Func,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from analytics import charts
from analytics.models import Exchange, ExchangeState

WITHOUT_MODEL = frozenset({"rule", "exact", "semantic", "pattern"})
FAILED = Q(state__in=[ExchangeState.FAILED, ExchangeState.LOST])
OURS = Q(tier=charts.JUDGE)
"""Asked by KORA itself, to compare answers: spent, but nobody's request."""
SAMPLE = 2000
"""So many of the newest requests say how fast KORA itself is: enough, and bounded."""
MILLION = 1_000_000
ORIGIN = datetime(2024, 1, 1, tzinfo=UTC)
HOURS = '{"hour": "2-digit", "minute": "2-digit"}'
DAYS = '{"month": "short", "day": "numeric"}'


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A length of time that the overview offers, and how finely it is drawn."""

    name: str
    words: str
    step: timedelta
    steps: int
    live: bool
    clock: str
    """How a browser writes a moment of this span (`Intl.DateTimeFormat`'s options)."""

    def starts(self, now: datetime) -> list[datetime]:
        last = ORIGIN + ((now - ORIGIN) // self.step) * self.step
        return [last - self.step * back for back in reversed(range(self.steps))]


SPANS = {
    span.name: span
    for span in (
        Span(
            name="1h",
            words="last hour",
            step=timedelta(minutes=1),
            steps=60,
            live=True,
            clock=HOURS,
        ),
        Span(
            name="24h",
            words="last 24 hours",
            step=timedelta(minutes=30),
            steps=48,
            live=True,
            clock=HOURS,
        ),
        Span(
            name="7d",
            words="last 7 days",
            step=timedelta(hours=3),
            steps=56,
            live=False,
            clock=DAYS,
        ),
        Span(
            name="30d",
            words="last 30 days",
            step=timedelta(days=1),
            steps=30,
            live=False,
            clock=DAYS,
        ),
    )
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    requests: int = 0
    without_model: int = 0
    errors: int = 0
    spend: Decimal = Decimal(0)
    saved: Decimal = Decimal(0)
    overhead_ms: float | None = None
    first_content_ms: float | None = None

    @property
    def without_model_share(self) -> float | None:
        return self.without_model / self.requests if self.requests else None

    @property
    def error_share(self) -> float | None:
        return self.errors / self.requests if self.requests else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    span: Span
    totals: Totals
    chart: charts.Chart


@dataclass(frozen=True, kw_only=True, slots=True)
class TierWork:
    """What one tier answered, and the dollars that were not spent because it did."""

    tier: str
    requests: int
    share: float
    saved: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """Who answered and what that saved, over time."""

    span: Span
    requests: int
    tiers: list[TierWork]
    chart: charts.Chart
    savings: charts.Chart
    """In millionths of a dollar: a chart counts whole things."""

    @property
    def by_meaning(self) -> int:
        return sum(tier.requests for tier in self.tiers if tier.tier == "semantic")

    @property
    def saved(self) -> Decimal:
        return sum((tier.saved for tier in self.tiers), Decimal(0))

    @property
    def without_model_share(self) -> float | None:
        without = sum(tier.requests for tier in self.tiers if tier.tier in WITHOUT_MODEL)
        return without / self.requests if self.requests else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """What one backend did since a moment."""

    requests: int
    errors: int
    spend: Decimal


class Percentile(Aggregate):
    function = "PERCENTILE_CONT"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


def seen(team_ids: Collection[int] | None, team: str = "") -> QuerySet[Exchange]:
    """The requests of these teams (None: of all), narrowed to one by name."""
    rows = Exchange.objects.all()
    if team_ids is not None:
        rows = rows.filter(team_id__in=team_ids)
    return rows.filter(team__name=team) if team else rows


def overview(rows: QuerySet[Exchange], *, span: Span, now: datetime) -> Overview:
    starts = span.starts(now)
    inside = rows.filter(at__gte=starts[0], at__lte=now)
    groups = _groups(inside, span)
    return Overview(
        span=span,
        totals=_totals(groups, _speed(inside)),
        chart=charts.draw(groups, starts),
    )


def work(rows: QuerySet[Exchange], *, span: Span, now: datetime) -> Work:
    """One query, whatever the span."""
    starts = span.starts(now)
    groups = _groups(rows.filter(at__gte=starts[0], at__lte=now), span)
    gains = [{**group, "requests": int(group["gain"] * MILLION)} for group in groups]
    return Work(
        span=span,
        requests=sum(group["requests"] for group in groups),
        tiers=_by_tier(groups),
        chart=charts.draw(groups, starts),
        savings=charts.draw(gains, starts),
    )


def _by_tier(groups: list[dict[str, Any]]) -> list[TierWork]:
    everything = sum(group["requests"] for group in groups) or 1
    found = []
    for tier in (*charts.TIERS, ""):
        own = [group for group in groups if group["who"] == tier]
        requests = sum(group["requests"] for group in own)
        saved = sum((group["gain"] for group in own), Decimal(0))
        row = TierWork(tier=tier, requests=requests, share=requests / everything, saved=saved)
        found += [row] if requests else []
    return found


def traffic(rows: QuerySet[Exchange], since: datetime) -> dict[str, Traffic]:
    """By backend; an answer out of a cache is not the work of the backend it came from."""
    called = rows.filter(at__gte=since, tier__in=["local", "cloud", charts.JUDGE])
    grouped = (
        called.order_by()
        .values("backend")
        .annotate(requests=Count("id"), errors=Count("id", filter=FAILED), spend=Sum("cost"))
    )
    return {
        group["backend"]: Traffic(
            requests=group["requests"], errors=group["errors"], spend=group["spend"]
        )
        for group in grouped
    }


def _groups(rows: QuerySet[Exchange], span: Span) -> list[dict[str, Any]]:
    binned: Any = Func(
        Value(span.step, output_field=DurationField()),
        F("at"),
        Value(ORIGIN, output_field=DateTimeField()),
        function="date_bin",
        output_field=DateTimeField(),
    )
    grouped: Any = (
        rows.order_by()
        .annotate(bin=binned)
        .annotate(who=Case(When(FAILED, then=Value("")), default=F("tier")))
        .values("bin", "who")
        .annotate(
            requests=Count("id", filter=~OURS),
            errors=Count("id", filter=FAILED & ~OURS),
            spend=Coalesce(Sum("cost"), Decimal(0)),
            gain=Coalesce(Sum("saved"), Decimal(0)),
        )
    )
    return list(grouped)


def _speed(rows: QuerySet[Exchange]) -> dict[str, float | None]:
    newest = rows.exclude(OURS).order_by("-at", "-id").values("id")[:SAMPLE]
    return Exchange.objects.filter(id__in=newest).aggregate(
        overhead_ms=Percentile("overhead_ms", filter=~Q(state=ExchangeState.OPEN)),
        first_content_ms=Percentile("first_content_ms"),
    )


def _totals(groups: Iterable[dict[str, Any]], speed: dict[str, float | None]) -> Totals:
    groups = list(groups)
    return Totals(
        requests=sum(group["requests"] for group in groups),
        without_model=sum(g["requests"] for g in groups if g["who"] in WITHOUT_MODEL),
        errors=sum(group["errors"] for group in groups),
        spend=sum((group["spend"] for group in groups), Decimal(0)),
        saved=sum((group["gain"] for group in groups), Decimal(0)),
        **speed,
    )
