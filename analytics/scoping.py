"""Which budgets and alerts somebody sees: their teams', and what their teams share with others."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Prefetch, Q, QuerySet

from analytics.models import Alert, Budget, BudgetScope, Delivery
from teams.models import ApiKey, Organisation, Team
from teams.values import Actor

SHARED = [BudgetScope.ORGANISATION, BudgetScope.TAG]


def budgets(actor: Actor, rows: QuerySet[Budget]) -> QuerySet[Budget]:
    if actor.operates:
        return rows
    teams = Team.objects.filter(pk__in=actor.team_ids)
    shared = Q(scope__in=SHARED, organisation__in=teams.values("organisation"))
    return rows.filter(_of(actor.team_ids) | shared)


def of_team(team: Team, rows: QuerySet[Budget]) -> QuerySet[Budget]:
    """The team's and its keys', and those it shares."""
    return rows.filter(_of([team.pk]) | Q(scope__in=SHARED, organisation=team.organisation_id))


def alerts(actor: Actor, rows: QuerySet[Alert]) -> QuerySet[Alert]:
    """Those of the actor's teams, and those of no team in their organisation; with the deliveries
    to channels that the actor sees."""
    told = Delivery.objects.select_related("channel").order_by("channel__name")
    if not actor.operates:
        teams = Team.objects.filter(pk__in=actor.team_ids)
        shared = Q(team=None, organisation__in=teams.values("organisation"))
        rows = rows.filter(Q(team__in=teams) | shared)
        told = told.filter(channel__team__in=teams)
    return rows.prefetch_related(Prefetch("deliveries", queryset=told))


def owners(some: Iterable[Budget]) -> dict[int, int | None]:
    """By budget, the team it belongs to; one query, where `Budget.team_id` asks for each."""
    rows = list(some)
    keys = [int(each.scope_id) for each in rows if each.scope == BudgetScope.KEY]
    teams = dict(ApiKey.objects.filter(pk__in=keys).values_list("pk", "team_id"))
    return {
        each.pk: int(each.scope_id)
        if each.scope == BudgetScope.TEAM
        else teams.get(int(each.scope_id))
        if each.scope == BudgetScope.KEY
        else None
        for each in rows
    }


def names(some: Iterable[Budget]) -> dict[tuple[str, str], str]:
    """What the scopes' ids stand for; at most three queries for all."""
    wanted: dict[str, list[str]] = {}
    for budget in some:
        wanted.setdefault(budget.scope, []).append(budget.scope_id)
    found: dict[tuple[str, str], str] = {}
    for scope, table in ((BudgetScope.ORGANISATION, Organisation), (BudgetScope.TEAM, Team)):
        rows = table.objects.filter(pk__in=wanted.get(scope, []))
        found |= {(scope.value, str(row.pk)): row.name for row in rows}
    keys = ApiKey.objects.filter(pk__in=wanted.get(BudgetScope.KEY, [])).select_related("team")
    return found | {("key", str(key.pk)): f"{key.name} of {key.team.name}" for key in keys}


def _of(team_ids: Iterable[int]) -> Q:
    keys = ApiKey.objects.filter(team__in=list(team_ids)).values_list("pk", flat=True)
    return Q(scope=BudgetScope.TEAM, scope_id__in=[str(each) for each in team_ids]) | Q(
        scope=BudgetScope.KEY, scope_id__in=[str(each) for each in keys]
    )
