"""What is worth telling of where a budget stands: no query, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from analytics.alerts import foretold, thresholds
from analytics.alerts.foretold import Foretold
from analytics.alerts.thresholds import Threshold

if TYPE_CHECKING:
    from analytics.models import Budget
    from analytics.reports import Standing

SPENT = "budget"
FORECAST = "forecast"
REFUSED = "refused"
"""How the stem of an alert about refusals ends."""
SHORT = {"day", "week"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """`stem` names what happened in which window; with the limit in force it is the alert's key, so
    that a limit that was raised, and reached again, is told again."""

    kind: str
    stem: str
    limit: Decimal
    severity: str
    title: str
    body: Mapping[str, Any]

    @property
    def key(self) -> str:
        return f"{self.stem}@{self.limit.normalize():f}"


def noticed(budget: Budget, standing: Standing) -> Iterator[Notice]:
    used = standing.settled + standing.held
    every = thresholds.of(budget.soft_limits or ())
    for threshold in thresholds.reached(every, used, standing.limit_usd):
        yield _reached(budget, standing, threshold)
    if standing.refused and not standing.suspended:
        yield _refused(budget, standing)
    said = foretold.read(standing.forecast)
    if said and said.exhausted_at and used < standing.limit_usd:
        yield _running_out(budget, standing, said, said.exhausted_at)


def _reached(budget: Budget, standing: Standing, threshold: Threshold) -> Notice:
    percent = f"{threshold.percent.normalize():f}"
    more = {"percent": percent} | ({"action": threshold.action} if threshold.action else {})
    return Notice(
        kind=SPENT,
        stem=f"{_window(budget, standing)}:{percent}%",
        limit=standing.limit_usd,
        severity=threshold.severity,
        title=f"{percent} % of the budget “{budget.name}” is used",
        body=facts(budget, standing) | more,
    )


def _refused(budget: Budget, standing: Standing) -> Notice:
    """A cap is seldom reached to the cent: what is left is too little for the next request."""
    shadow = budget.mode == "shadow"
    says = "would refuse requests (shadow mode)" if shadow else "refuses requests"
    return Notice(
        kind=SPENT,
        stem=f"{_window(budget, standing)}:{REFUSED}",
        limit=standing.limit_usd,
        severity="warning" if shadow else "critical",
        title=f"The budget “{budget.name}” {says}",
        body=facts(budget, standing) | {"refused": standing.refused},
    )


def _running_out(budget: Budget, standing: Standing, said: Foretold, at: datetime) -> Notice:
    """The day is the budget's own; in a short window the hour matters too."""
    there = at.astimezone(ZoneInfo(budget.time_zone))
    day = f"{there.day} {there:%B}" + (f", {there:%H:%M}" if budget.window in SHORT else "")
    more = {
        "exhausted_at": _moment(at),
        "expected_usd": _usd(said.usd),
        "low_usd": _usd(said.low_usd),
        "high_usd": _usd(said.high_usd),
    }
    return Notice(
        kind=FORECAST,
        stem=f"{FORECAST}-{_window(budget, standing)}",
        limit=standing.limit_usd,
        severity="warning",
        title=f"The budget “{budget.name}” is used up on {day} at this rate",
        body=facts(budget, standing) | more,
    )


def facts(budget: Budget, standing: Standing) -> dict[str, Any]:
    """Money as text: JSON's numbers would lose the last decimals."""
    found = {
        "budget": budget.name,
        "budget_id": budget.pk,
        "scope": budget.scope,
        "window": budget.window,
        "starts_at": _moment(standing.starts_at),
        "ends_at": _moment(standing.ends_at),
        "time_zone": budget.time_zone,
        "limit_usd": _usd(standing.limit_usd),
        "spent_usd": _usd(standing.settled),
        "held_usd": _usd(standing.held),
    }
    raised = {"until": _moment(standing.override.ends_at)} if standing.override else {}
    return found | raised


def _window(budget: Budget, standing: Standing) -> str:
    return f"budget:{budget.pk}:{standing.starts_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _usd(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
