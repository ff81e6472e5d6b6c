"""The console's pages about SLAs: how they stand, one of them with its misses, and the form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from analytics.models import Sla, SlaState
from analytics.promises import predictions, rolling
from analytics.promises.values import CAUSES, WORDS
from routing.faces import asking, sla_showing
from routing.faces.asking import Scope
from routing.faces.sla_forms import SlaForm
from routing.faces.sla_serializers import SlaSerializer
from routing.models import Calibration
from teams import page_writes
from teams.page_writes import Seen

form_page = require_http_methods(["GET", "HEAD", "POST"])
VOLATILE = frozenset({"standing"})
CALENDAR_DAYS = 7
STRIP_DAYS = 30
RELIABLE_DAYS = 14


@login_required
@require_safe
def slas(request: HttpRequest) -> HttpResponse:
    scope, now = asking.own_team(request), datetime.now(UTC)
    rows = list(Sla.objects.filter(team=scope.team).order_by("name"))
    states = {state.sla_id: state for state in SlaState.objects.filter(sla__in=rows)}
    days = timedelta(days=STRIP_DAYS + 1)
    hours = rolling.hours([row.pk for row in rows], now - days)
    bins = predictions.bins(scope.team_id, days=RELIABLE_DAYS, now=now)
    shown: dict[str, Any] = {
        "scope": scope,
        "team": scope.team,
        "rows": [sla_showing.line(row, states.get(row.pk), hours[row.pk], now) for row in rows],
        "reliability": sla_showing.reliability(bins),
        "reliable_days": RELIABLE_DAYS,
        "calibration": Calibration.objects.first(),
    }
    return render(request, "routing/slas.html", shown)


@login_required
@require_safe
def sla(request: HttpRequest, sla_id: int) -> HttpResponse:
    row: Sla = asking.one(request, Sla.objects.select_related("team"), sla_id)
    now, asked = datetime.now(UTC), request.GET.dict()
    promise = rolling.promise_of(row)
    hours = rolling.hours([row.pk], now - timedelta(days=row.window_days + 1))[row.pk]
    state = SlaState.objects.filter(sla=row).first()
    shown: dict[str, Any] = {
        "scope": asking.scope_of(request, row.team),
        "row": row,
        "state": state,
        "line": sla_showing.line(row, state, hours, now),
        "calendar": sla_showing.calendar(promise, hours, now, days=CALENDAR_DAYS),
        "causes": sla_showing.causes(hours),
        "misses": sla_showing.misses(promise, asked, now),
        "asked": asked,
        "targets": [(name, WORDS[name]) for name in promise.targets],
        "known_causes": CAUSES,
    }
    return render(request, "routing/sla.html", shown)


@login_required
@form_page
def sla_new(request: HttpRequest) -> HttpResponse:
    scope = asking.own_team(request)
    asking.require_writer(scope)
    form = SlaForm.of(None, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        said = {**form.said(), "team": scope.team.name if scope.team else ""}
        with page_writes.judged(form):
            made = page_writes.create(request, SlaSerializer, said)
            messages.success(request, "Promised. The past is counted within a minute.")
            return redirect("sla", made.pk)
    return _form(request, scope, form)


@login_required
@form_page
def sla_edit(request: HttpRequest, sla_id: int) -> HttpResponse:
    row, scope = _own(request, sla_id)
    form = SlaForm.of(row, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with page_writes.judged(form):
            seen = Seen(row=row, mark=request.POST.get("seen", ""), volatile=VOLATILE)
            page_writes.update(request, SlaSerializer, seen, form.said())
            messages.success(request, "Kept.")
            return redirect("sla", row.pk)
    return _form(request, scope, form, row)


@login_required
@require_POST
def sla_remove(request: HttpRequest, sla_id: int) -> HttpResponse:
    row, scope = _own(request, sla_id)
    page_writes.remove(request, row)
    messages.success(request, f"{row.name} is promised no more.")
    return redirect(scope.at("slas"))


def _own(request: HttpRequest, sla_id: int) -> tuple[Sla, Scope]:
    row: Sla = asking.one(request, Sla.objects.select_related("team"), sla_id)
    scope = asking.scope_of(request, row.team)
    asking.require_writer(scope)
    return row, scope


def _form(
    request: HttpRequest, scope: Scope, form: SlaForm, row: Sla | None = None
) -> HttpResponse:
    now = page_writes.mark(request, SlaSerializer, row, VOLATILE) if row else ""
    seen = request.POST.get("seen") or now
    shown = {"scope": scope, "form": form, "row": row, "seen": seen}
    return render(request, "routing/sla_edit.html", shown)
