"""The console's pages of the time machine: asking for a simulation, and what it found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from routing.faces import asking, scoping, simulated
from routing.faces.asking import Scope
from routing.faces.simulation_forms import SimulationForm
from routing.models import Policy, PolicyState, Simulation, SimulationState
from routing.publishing import drafts
from routing.simulating import orders
from teams.access import actor_of

if TYPE_CHECKING:
    from django.db.models import QuerySet

MANY = 30
OPEN = (SimulationState.WAITING, SimulationState.RUNNING)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def routing_simulate(request: HttpRequest) -> HttpResponse:
    scope = asking.scope(request)
    sent = request.POST if request.method == "POST" else None
    form = SimulationForm(sent, policies=_policies(scope), whose=_whose(request, scope))
    if request.method == "POST":
        asking.require_writer(scope)
        made = _begun(request, scope, form)
        if made is not None:
            return redirect("routing_simulation", made.pk)
    rows = _seen(request).filter(policy__team=scope.team)[:MANY]
    shown = {"scope": scope, "team": scope.team, "form": form, "rows": rows}
    return render(request, "routing/simulate.html", shown)


@login_required
@require_safe
def routing_simulation(request: HttpRequest, simulation_id: int) -> HttpResponse:
    row = get_object_or_404(_seen(request), pk=simulation_id)
    result = row.result or {}
    figures = simulated.figures(result.get("total", {}))
    shown: dict[str, Any] = {
        "scope": asking.scope_of(request, row.policy.team),
        "row": row,
        "running": row.state in OPEN,
        "total": result.get("total"),
        "figures": figures,
        "warnings": list(dict.fromkeys(each.warning for each in figures if each.warning)),
        "undecided": simulated.undecided(result.get("undecided", {})),
        "overrides": json.dumps(row.asked.get("overrides") or {}),
        "undecided_count": result.get("undecided", {}).get("count", 0),
        "moved": simulated.moved(result.get("most_changed", ())),
        "moves": [(each["from"], each["to"], each["requests"]) for each in result.get("moves", ())],
        "quality_from": result.get("quality_from"),
        "teams": _by_team(result),
        "budget": result.get("budget"),
        "windows": simulated.windows(result.get("budget")),
    }
    part = "#simulation" if request.htmx else ""  # type: ignore[attr-defined]
    return render(request, f"routing/simulation.html{part}", shown)


def _by_team(result: dict[str, Any]) -> list[tuple[str, dict[str, Any], Any]]:
    """Only where there is more than one: else it is the whole."""
    teams = result.get("teams", {})
    if len(teams) < 2:
        return []
    return [(name, group, simulated.figures(group)) for name, group in teams.items()]


def _begun(request: HttpRequest, scope: Scope, form: SimulationForm) -> Simulation | None:
    if not form.is_valid():
        return None
    policy = drafts.within(Policy.objects.all(), scope.team_id).get(pk=form.cleaned_data["policy"])
    team = asking.teams(request).filter(name=form.cleaned_data["whose"]).first()
    try:
        return orders.begin(actor_of(request), policy, team, form.said())
    except ValueError as error:
        form.add_error("overrides", str(error))
        return None


def _policies(scope: Scope) -> list[tuple[str, str]]:
    """The draft and what was published, newest first."""
    drafts.of(scope.team_id)
    rows = drafts.within(Policy.objects.all(), scope.team_id).order_by("state", "-number")[:MANY]
    return [(str(row.pk), _named(row)) for row in rows]


def _named(row: Policy) -> str:
    return "the draft" if row.state == PolicyState.DRAFT else f"version {row.number}"


def _whose(request: HttpRequest, scope: Scope) -> list[tuple[str, str]]:
    """A team's own policy is tried on its traffic; everyone's on all, or on one team's."""
    if scope.team:
        return [(scope.team.name, scope.team.name)]
    return [("", "everyone's"), *((team.name, team.name) for team in asking.teams(request))]


def _seen(request: HttpRequest) -> QuerySet[Simulation]:
    """What everyone's traffic shows is the operator's to see."""
    actor = actor_of(request)
    rows = scoping.visible(actor, Simulation.objects.select_related("team", "policy__team"))
    found = rows if actor.operates else rows.exclude(team=None)
    return found.order_by("-id")
