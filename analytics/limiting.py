"""What limits a key: every budget its requests fall under, the one that refuses first in front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from analytics import budgets, reports
from analytics.models import Budget, Mode
from analytics.reports import Standing
from teams.models import ApiKey


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """One budget as a key meets it."""

    budget: Budget
    standing: Standing

    @property
    def enforced(self) -> bool:
        return self.budget.mode == Mode.ENFORCE


def of(key: ApiKey, tags: Mapping[str, str], now: datetime) -> tuple[Limit, ...]:
    """Those that are enforced first, and of them in the order in which a hold would name them."""
    rows = list(Budget.objects.filter(enabled=True, organisation=key.team.organisation_id))
    applying = budgets.applying(
        map(reports.terms_of, rows),
        organisation_id=key.team.organisation_id,
        team_id=key.team_id,
        key_id=key.pk,
        tags=tags,
    )
    wanted = {terms.budget_id for terms in applying}
    meant = [budget for budget in rows if budget.pk in wanted]
    standings = reports.standings(meant, now)
    limits = [Limit(budget=budget, standing=standings[budget.pk]) for budget in meant]
    return tuple(sorted(limits, key=_rank))


def tightest(limits: Sequence[Limit]) -> Limit | None:
    """The one that a request without room would be told of."""
    return next((each for each in limits if each.enforced), None)


def _rank(limit: Limit) -> tuple[object, ...]:
    standing = limit.standing
    return not limit.enforced, not standing.suspended, standing.left, limit.budget.pk
