"""The console's pages about budgets: the list, one of them, making, editing, raising, pausing."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from analytics import overriding, reports, scoping
from analytics.budget_serializers import BudgetSerializer, OverrideSerializer
from analytics.faces import budget_forms, budget_showing
from analytics.faces.budget_forms import BudgetForm, RaiseForm
from analytics.faces.budget_showing import Row
from analytics.models import Alert, Budget
from teams import page_writes
from teams.access import KEEPERS, actor_of
from teams.models import Team
from teams.page_writes import Seen

form_page = require_http_methods(["GET", "HEAD", "POST"])
VOLATILE = frozenset({"standing"})
MOST = 200


@login_required
@require_safe
def budgets(request: HttpRequest) -> HttpResponse:
    actor, team = actor_of(request), request.GET.get("team", "")
    seen = scoping.budgets(actor, Budget.objects.order_by("-enabled", "name", "pk"))
    chosen = Team.objects.filter(name=team).first() if team else None
    found = scoping.of_team(chosen, seen) if chosen else seen
    shown = {"rows": rows_of(request, list(found[:MOST])), "may_write": _writes(request)}
    live = request.htmx and request.htmx.target == "rows"  # type: ignore[attr-defined]
    return render(request, f"analytics/budgets.html{'#rows' if live else ''}", shown)


@login_required
@form_page
def budget_new(request: HttpRequest) -> HttpResponse:
    if not _writes(request):
        raise PermissionDenied
    given = request.POST if request.method == "POST" else None
    form = BudgetForm.for_new(actor_of(request), given)
    soft = budget_forms.soft_limits(None, given)
    if given is not None and form.is_valid() and soft.is_valid():
        said = form.said() | {"soft_limits": budget_forms.soft_said(soft)}
        with page_writes.judged(form):
            made = page_writes.create(request, BudgetSerializer, said)
            messages.success(request, f"“{made.name}” is in force.")
            return redirect("budget", made.pk)
    return render(request, "analytics/budget_new.html", {"form": form, "soft": soft, **_zones()})


@login_required
@form_page
def budget(request: HttpRequest, budget_id: int) -> HttpResponse:
    row = _seen(request, budget_id)
    given = request.POST if request.method == "POST" else None
    form, soft = BudgetForm.of(row, given), budget_forms.soft_limits(row, given)
    if given is not None:
        _require(request, row)
        if form.is_valid() and soft.is_valid() and _kept(request, row, form, soft):
            messages.success(request, "Kept. Requests meet it within a second.")
            return redirect("budget", row.pk)
    return _page(request, row, form=form, soft=soft)


@login_required
@require_POST
def budget_raise(request: HttpRequest, budget_id: int) -> HttpResponse:
    row = _seen(request, budget_id)
    _require(request, row)
    form = RaiseForm(request.POST)
    if form.is_valid():
        asked = OverrideSerializer(data=form.cleaned_data)
        if asked.is_valid():
            overriding.begin(actor_of(request), row, asked)
            messages.success(request, "Another limit is in force until then.")
            return redirect("budget", row.pk)
        form.refuse(asked.errors)
    return _page(request, row, raising=form)


@login_required
@require_POST
def budget_raise_end(request: HttpRequest, budget_id: int, override_id: int) -> HttpResponse:
    row = _seen(request, budget_id)
    _require(request, row)
    with transaction.atomic():
        found = get_object_or_404(row.overrides.select_for_update(), pk=override_id)
        overriding.end(actor_of(request), found)
    messages.success(request, "It is over. The budget's own limit is in force.")
    return redirect("budget", row.pk)


@login_required
@require_POST
def budget_pause(request: HttpRequest, budget_id: int) -> HttpResponse:
    """A paused budget refuses nothing; it goes on counting when it is switched on again."""
    row = _seen(request, budget_id)
    _require(request, row)
    said = {"enabled": not row.enabled}
    page_writes.update(request, BudgetSerializer, Seen(row=row, mark=""), said)
    state = "in force again" if said["enabled"] else "paused: it refuses nothing and counts nothing"
    messages.success(request, f"“{row.name}” is {state}.")
    return redirect("budget", row.pk)


@login_required
@require_POST
def budget_remove(request: HttpRequest, budget_id: int) -> HttpResponse:
    row = _seen(request, budget_id)
    _require(request, row)
    page_writes.remove(request, row)
    messages.success(request, f"“{row.name}” is removed; what was spent stays in the ledger.")
    return redirect("budgets")


def rows_of(request: HttpRequest, some: list[Budget]) -> list[Row]:
    """A handful of queries, however many budgets there are."""
    actor = actor_of(request)
    standings = reports.standings(some, datetime.now(UTC))
    names, owners = scoping.names(some), scoping.owners(some)
    return [
        Row(
            budget=each,
            standing=standings[each.pk],
            bar=budget_showing.bar(standings[each.pk], each.soft_limits or ()),
            target=budget_showing.target(each, names),
            may_write=actor.may(KEEPERS, owners[each.pk]),
        )
        for each in some
    ]


def _page(request: HttpRequest, row: Budget, **forms: Any) -> HttpResponse:
    (shown,) = rows_of(request, [row])
    now = datetime.now(UTC)
    offered = {"until": budget_showing.until(shown.standing, now)}
    told = scoping.alerts(actor_of(request), Alert.objects.filter(body__budget_id=row.pk))
    seen = request.POST.get("seen") or page_writes.mark(request, BudgetSerializer, row, VOLATILE)
    return render(
        request,
        "analytics/budget.html",
        {
            "row": shown,
            "form": forms.get("form") or BudgetForm.of(row, None),
            "soft": forms.get("soft") or budget_forms.soft_limits(row, None),
            "raising": forms.get("raising") or RaiseForm(initial=offered),
            "raised": row.overrides.order_by("-id")[:10],
            "alerts": told[:10],
            "seen": seen,
            "now": now,
            **_zones(),
        },
    )


def _kept(request: HttpRequest, row: Budget, form: BudgetForm, soft: Any) -> bool:
    said = form.said() | {"soft_limits": budget_forms.soft_said(soft)}
    seen = Seen(row=row, mark=request.POST.get("seen", ""), volatile=VOLATILE)
    with page_writes.judged(form):
        page_writes.update(request, BudgetSerializer, seen, said)
    return not form.errors


def _seen(request: HttpRequest, budget_id: int) -> Budget:
    rows = scoping.budgets(actor_of(request), Budget.objects.all())
    return get_object_or_404(rows, pk=budget_id)


def _require(request: HttpRequest, row: Budget) -> None:
    if not actor_of(request).may(KEEPERS, row.team_id):
        raise PermissionDenied


def _writes(request: HttpRequest) -> bool:
    return actor_of(request).may_somewhere(KEEPERS)


def _zones() -> dict[str, Any]:
    return {"zones": sorted(zoneinfo.available_timezones())}
