"""Noticing what becomes of budgets: thresholds, refusals and forecasts, each once for a window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from analytics import reports
from analytics.alerts import raising, refusals
from analytics.alerts.noticing import FORECAST, SPENT, Notice, noticed
from analytics.models import Alert, Budget
from analytics.reports import Standing

LATE = timedelta(minutes=15)
"""A window is looked at for this long after its end: its last request may have reached a threshold,
and whoever watches may have been away."""


def watch(now: datetime) -> None:
    """Safe to run twice, by two at once, and late: an alert has one key, whoever raises it."""
    budgets = list(Budget.objects.filter(enabled=True).order_by("pk"))
    present = reports.standings(budgets, now)
    before = reports.standings(budgets, now - LATE)
    over = {pk: each for pk, each in before.items() if each.ends_at <= now}
    _tell_of_ended(budgets, over)
    _tell(budgets, present)


def _tell(budgets: Iterable[Budget], standings: Mapping[int, Standing]) -> None:
    """What is true stays open, what is not any more is resolved; a threshold that is reached is
    not told again because the limit was edited meanwhile."""
    found = {each.stem: (budget, each) for budget, each in _all(budgets, standings)}
    still = {_stem(key): key for key in _open()}
    for stem in refusals.stale(notice for _, notice in found.values()):
        del found[stem]
    for stem, (budget, notice) in found.items():
        if stem not in still or notice.kind == FORECAST:
            _raise(budget, notice)
    for stem, key in still.items():
        if stem not in found:
            raising.resolve(key)


def _tell_of_ended(budgets: Iterable[Budget], standings: Mapping[int, Standing]) -> None:
    """Raised if nobody did, and over at once; what is to come of such a window is known."""
    missed = [each for each in _all(budgets, standings) if each[1].kind == SPENT]
    known = {_stem(key) for key in _told(notice.stem for _, notice in missed)}
    for budget, notice in missed:
        if notice.stem not in known and _raise(budget, notice):
            raising.resolve(notice.key)


def _all(
    budgets: Iterable[Budget], standings: Mapping[int, Standing]
) -> list[tuple[Budget, Notice]]:
    """Of those budgets that have a standing here."""
    return [
        (budget, notice)
        for budget in budgets
        if budget.pk in standings
        for notice in noticed(budget, standings[budget.pk])
    ]


def _raise(budget: Budget, notice: Notice) -> bool:
    return raising.raise_alert(
        organisation_id=budget.organisation_id,
        team_id=budget.team_id,
        kind=notice.kind,
        key=notice.key,
        severity=notice.severity,
        title=notice.title,
        body=notice.body,
    )


def _open() -> Iterable[str]:
    mine = Alert.objects.filter(kind__in=[SPENT, FORECAST], resolved_at=None)
    return mine.values_list("key", flat=True)


def _told(stems: Iterable[str]) -> set[str]:
    """The keys of all that was ever told of these."""
    found: set[str] = set()
    for stem in stems:
        mine = Alert.objects.filter(key__startswith=f"{stem}@")
        found |= set(mine.values_list("key", flat=True))
    return found


def _stem(key: str) -> str:
    return key.rpartition("@")[0]
