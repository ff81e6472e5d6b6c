"""What is usual for each budget, where its plan was begun last, and what is foretold of it: made
in the background from the ledger and the clock, read by web processes and pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Min, QuerySet, Sum
from django.db.models.functions import TruncHour

from analytics import budgets
from analytics.models import BudgetOutlook, BudgetScope, BudgetWindow, LedgerRow
from analytics.pacing import forecast, profile, steering
from analytics.pacing.forecast import Forecast, Window
from analytics.pacing.profile import Hour
from analytics.pacing.steering import Anchor, Course, Plan
from analytics.values import BudgetTerms, Span
from teams.models import ApiKey, Team

HOUR = timedelta(hours=1)
KEPT_HOURS = 8 * 7 * 24
"""What was further back is not usual any more."""
AHEAD = timedelta(days=90)
"""How far is looked where a window has no end."""
ENDLESS = "total"


def look(terms: Iterable[BudgetTerms], now: datetime) -> None:
    """Brings every budget's outlook up to date. Safe to run twice, and by two at once: the hours
    are the ledger's, and of two anchors either will do."""
    known = {each.budget_id: each for each in BudgetOutlook.objects.all()}
    for each in terms:
        outlook = known.get(each.budget_id) or _fresh(each, now)
        if outlook is not None:
            _bring_up(outlook, each, now)
            outlook.save()


def plans() -> dict[int, Plan]:
    """Of paced budgets, by their id."""
    rows = BudgetOutlook.objects.filter(budget__paced=True)
    return {each.budget_id: _plan(each) for each in rows.defer("hours", "forecast")}


def forecasts(spans: Mapping[int, Span]) -> dict[int, dict[str, Any]]:
    """What is foretold of these windows, by budget; of those nothing is known they are silent."""
    rows = BudgetOutlook.objects.filter(budget__in=list(spans)).exclude(forecast={})
    found = rows.values_list("budget_id", "foretold_for", "forecast")
    return {pk: said for pk, begins, said in found if begins == spans[pk].starts_at}


def spend(terms: BudgetTerms) -> QuerySet[LedgerRow]:
    """The ledger's rows that such a budget caps, whenever they were written."""
    if terms.scope == BudgetScope.TEAM:
        return LedgerRow.objects.filter(team_id=int(terms.scope_id))
    if terms.scope == BudgetScope.KEY:
        key = ApiKey.objects.filter(pk=terms.scope_id)
        return LedgerRow.objects.filter(
            team_id__in=key.values("team_id"), key_public__in=key.values("public")
        )
    teams = Team.objects.filter(organisation_id=terms.organisation_id).values("pk")
    rows = LedgerRow.objects.filter(team_id__in=teams)
    if terms.scope == BudgetScope.TAG:
        name, _, value = terms.scope_id.partition("=")
        return rows.filter(tags__contains={name: value})
    return rows


def _fresh(terms: BudgetTerms, now: datetime) -> BudgetOutlook | None:
    """From the first hour in which anything was spent; None while nothing was."""
    since = _whole(now) - KEPT_HOURS * HOUR
    first = spend(terms).filter(at__gte=since, cost__gt=0).aggregate(at=Min("at"))["at"]
    return first and BudgetOutlook(budget_id=terms.budget_id, first_hour=_whole(first))


def _bring_up(outlook: BudgetOutlook, terms: BudgetTerms, now: datetime) -> None:
    _add_hours(outlook, terms, now)
    span = budgets.span(terms, now)
    spent = _spent(span)
    if terms.paced and terms.window != ENDLESS:
        _anchor(outlook, _course(terms, span, outlook), spent, now)
    ends_at = now + AHEAD if terms.window == ENDLESS else span.ends_at
    window = Window(limit_usd=float(terms.limit_usd), spent_usd=spent, ends_at=ends_at)
    told = forecast.foretell(window, _hours(outlook), profile.learned(_hours(outlook)), now)
    outlook.foretold_for = span.starts_at
    outlook.forecast = _told(told, ends_at) if told else {}


def _add_hours(outlook: BudgetOutlook, terms: BudgetTerms, now: datetime) -> None:
    """Those that ended since: the ledger is never written in the past."""
    begin, end = outlook.first_hour + len(outlook.hours) * HOUR, _whole(now)
    if begin >= end:
        return
    rows = spend(terms).filter(at__gte=begin, at__lt=end).order_by()
    by_hour = rows.annotate(hour=TruncHour("at", tzinfo=UTC)).values_list("hour")
    found = {hour: float(usd) for hour, usd in by_hour.annotate(usd=Sum("cost"))}
    many = (end - begin) // HOUR
    hours = [*outlook.hours, *(found.get(begin + n * HOUR, 0.0) for n in range(many))]
    outlook.hours = hours[-KEPT_HOURS:]
    outlook.first_hour = end - len(outlook.hours) * HOUR


def _anchor(outlook: BudgetOutlook, course: Course, spent: float, now: datetime) -> None:
    """What is usual is learned anew with each anchor only: in between, the plan stands."""
    begins = steering.anchored(course, spent, now)
    if begins is course.plan.anchor:
        return
    outlook.usual = list(profile.learned(_hours(outlook)).shares)
    outlook.anchor_at, outlook.anchor_usd = begins.at, begins.spent_usd
    outlook.anchor_log = begins.log


def _course(terms: BudgetTerms, span: Span, outlook: BudgetOutlook) -> Course:
    return Course(
        limit_usd=float(terms.limit_usd),
        starts_at=span.starts_at,
        ends_at=span.ends_at,
        plan=_plan(outlook),
    )


def _plan(outlook: BudgetOutlook) -> Plan:
    usual = profile.of(outlook.usual)
    if outlook.anchor_at is None:
        return Plan(usual=usual)
    anchor = Anchor(at=outlook.anchor_at, spent_usd=outlook.anchor_usd, log=outlook.anchor_log)
    return Plan(usual=usual, anchor=anchor)


def _told(found: Forecast, until: datetime) -> dict[str, Any]:
    return {**found.as_json(), "until": until.isoformat()}


def _spent(span: Span) -> float:
    rows = BudgetWindow.objects.filter(budget_id=span.budget_id, starts_at=span.starts_at)
    return float(rows.values_list("settled", flat=True).first() or 0)


def _hours(outlook: BudgetOutlook) -> list[Hour]:
    return [(outlook.first_hour + n * HOUR, usd) for n, usd in enumerate(outlook.hours)]


def _whole(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
