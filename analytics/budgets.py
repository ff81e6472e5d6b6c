"""Which budgets a request falls under, and from when to when each one's window lasts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from analytics.values import BudgetTerms, Span

FIRST_DAY = datetime(1970, 1, 1, tzinfo=UTC)
LAST_DAY = datetime(9999, 1, 1, tzinfo=UTC)
"""A budget in total has one window, from the first day to the last."""


def span(terms: BudgetTerms, now: datetime) -> Span:
    """The window that `now` falls into; windows follow each other without gap or overlap."""
    if terms.window == "total":
        return Span(budget_id=terms.budget_id, starts_at=FIRST_DAY, ends_at=LAST_DAY)
    zone = _zone(terms.time_zone)
    first, after = _days(terms.window, now.astimezone(zone).date(), terms.fiscal_start)
    if now >= _begin(after, zone):
        first, after = _days(terms.window, after, terms.fiscal_start)
    return Span(
        budget_id=terms.budget_id, starts_at=_begin(first, zone), ends_at=_begin(after, zone)
    )


def applying(
    terms: Iterable[BudgetTerms],
    *,
    organisation_id: int,
    team_id: int,
    key_id: int | None,
    tags: Mapping[str, str],
) -> tuple[BudgetTerms, ...]:
    """Budgets of the organisation that cap it, the team, the key or one of the request's tags."""
    scopes = {("organisation", str(organisation_id)), ("team", str(team_id))}
    scopes |= {("tag", f"{name}={value}") for name, value in tags.items()}
    if key_id is not None:
        scopes.add(("key", str(key_id)))
    return tuple(
        each
        for each in terms
        if each.organisation_id == organisation_id and (each.scope, each.scope_id) in scopes
    )


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _begin(day: date, zone: ZoneInfo) -> datetime:
    """A day's first moment. Where clocks jump over midnight that is the moment of the jump, where
    they turn back to it or across it the first of the two: both are what `fold=0` means. What is
    left of the day before comes again after that and belongs to the new one."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _days(window: str, today: date, fiscal_start: int) -> tuple[date, date]:
    """The window's first day and the first day after it."""
    if window == "day":
        return today, today + timedelta(days=1)
    if window == "week":
        monday = today - timedelta(days=today.weekday())
        return monday, monday + timedelta(days=7)
    length = {"month": 1, "quarter": 3, "year": 12}[window]
    months = today.year * 12 + today.month - fiscal_start
    first = months - months % length + fiscal_start - 1
    return _first_of(first), _first_of(first + length)


def _first_of(months: int) -> date:
    """Months are counted from the year 0."""
    return date(months // 12, months % 12 + 1, 1)
