"""How a budget is drawn: a bar of what is spent, held and left, with its soft limits as ticks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from analytics.alerts import foretold, thresholds
from analytics.alerts.foretold import Foretold
from analytics.models import Budget, BudgetScope
from analytics.pacing import pressure
from analytics.reports import Standing

WINDOWS = {
    "day": "each day",
    "week": "each week",
    "month": "each month",
    "quarter": "each quarter",
    "year": "each fiscal year",
    "total": "in total",
}
ENDLESS = timedelta(days=365 * 1000)
"""A budget in total has a last day, which nobody waits for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A soft limit on the bar, in percent of its width."""

    at: float
    percent: str
    action: str
    words: str
    reached: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """Widths in percent of the bar, which reaches as far as the limit or what is beyond it."""

    spent: float
    held: float
    limit_at: float
    ticks: tuple[Tick, ...]
    low: float | None
    """Where the forecast's interval begins; None: nothing is foretold."""
    reach: float
    look: str
    """`ok`, `warn` from the first soft limit on, `bad` when there is no room."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One budget as the page shows it."""

    budget: Budget
    standing: Standing
    bar: Bar
    target: str
    may_write: bool

    @property
    def forecast(self) -> Foretold | None:
        return foretold.read(self.standing.forecast)

    @property
    def words(self) -> str:
        return WINDOWS[self.budget.window]

    @property
    def resets(self) -> bool:
        return self.standing.ends_at - self.standing.starts_at < ENDLESS

    @property
    def used_percent(self) -> Decimal | None:
        used = self.standing.settled + self.standing.held
        return used * 100 / self.standing.limit_usd if self.standing.limit_usd else None

    @property
    def state(self) -> tuple[str, str] | None:
        """The look and the word of its badge."""
        if not self.budget.enabled:
            return "", "paused"
        if self.standing.suspended:
            return "bad", "suspended"
        if self.bar.look == "bad":
            return "bad", "no room left"
        return None


def bar(standing: Standing, soft_limits: Sequence[Mapping[str, Any]]) -> Bar:
    limit = standing.limit_usd
    used = standing.settled + standing.held
    every = thresholds.of(soft_limits)
    furthest = max([each.percent for each in every]) * limit / 100
    whole = max(limit, used, furthest) or Decimal(1)
    reached = thresholds.reached(every, used, limit)
    ticks = tuple(
        Tick(
            at=_share(limit * each.percent / 100, whole),
            percent=f"{each.percent.normalize():f}",
            action=each.action,
            words=pressure.WORDS.get(each.action, "people are told").replace("`", ""),
            reached=each in reached,
        )
        for each in every
        if limit and (each.action or each.percent != thresholds.FULL)
    )
    said = foretold.read(standing.forecast)
    low = min(_share(said.low_usd, whole), 99.0) if said else None
    return Bar(
        low=low,
        reach=min(_share(said.high_usd, whole), 100.0) - low if said and low is not None else 0.0,
        spent=_share(standing.settled, whole),
        held=_share(standing.held, whole),
        limit_at=_share(limit, whole),
        ticks=ticks,
        look="bad" if used >= limit else "warn" if reached else "ok",
    )


def target(budget: Budget, names: Mapping[tuple[str, str], str]) -> str:
    """Whom it caps, in words; one that is gone is told by its id."""
    if budget.scope == BudgetScope.TAG:
        return f"requests tagged {budget.scope_id}"
    known = names.get((budget.scope, budget.scope_id), f"#{budget.scope_id}")
    words = {"organisation": "the whole of", "team": "team", "key": "key"}[budget.scope]
    return f"{words} {known}"


def until(standing: Standing, now: datetime) -> datetime:
    """What a raise is offered until: the end of the window, or of a week where there is none."""
    return standing.ends_at if standing.ends_at - now < ENDLESS else now + timedelta(days=7)


def _share(part: Decimal, whole: Decimal) -> float:
    return round(float(part * 100 / whole), 2)
