"""The console's pages about patterns: what was recognised, what it rests on, and moving it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from analytics.models import Exchange
from caching import forms
from caching.errors import Unfit
from caching.faces import asking, showing
from caching.models import PatternAction, PatternState
from caching.patterns import steps
from teams.access import actor_of

PAGE = 30
DONE = {
    "approve": "Approved.",
    "canary": "It answers a share of what it matches now.",
    "rollback": "Rolled back: within a second it answers nothing any more.",
    "reject": "Rejected: it is not proposed again while it stays the same.",
}
OPEN = ("proposed", "canary", "active")
NEWS = timedelta(days=7)
"""So long a pattern that was taken back stays in sight: mostly nobody was asked."""


@login_required
@require_safe
def patterns(request: HttpRequest) -> HttpResponse:
    asked = request.GET.dict()
    state, cursor = asked.get("state", ""), asked.get("cursor", "")
    rows = asking.patterns(request)
    rows = rows.filter(state=state) if state else rows.filter(_to_look_at())
    if asked.get("action"):
        rows = rows.filter(action=asked["action"])
    if cursor.isdecimal() and len(cursor) < 19:
        rows = rows.filter(id__lt=int(cursor))
    found = list(rows.order_by("-id")[: PAGE + 1])
    stopped = steps.reasons([each for each in found if each.state == PatternState.ROLLED_BACK])
    shown = {
        "rows": [showing.shown(each, why=stopped.get(each.pk, "")) for each in found[:PAGE]],
        "older": str(found[PAGE - 1].pk) if len(found) > PAGE else "",
        "asked": asked,
        "states": PatternState.choices,
        "actions": PatternAction.choices,
        "filtered": bool(state or asked.get("action")),
    }
    part = "#rows" if request.htmx and request.htmx.target == "rows" else ""  # type: ignore[attr-defined]
    return render(request, f"caching/patterns.html{part}", shown)


def _to_look_at() -> Q:
    of_late = Q(state=PatternState.ROLLED_BACK, changed_at__gt=datetime.now(UTC) - NEWS)
    return Q(state__in=OPEN) | of_late


@login_required
@require_safe
def pattern(request: HttpRequest, pattern_id: int) -> HttpResponse:
    row = get_object_or_404(asking.patterns(request), pk=pattern_id)
    known = Exchange.objects.filter(team_id=row.team_id, id__in=row.samples[:8])
    shown = {
        "shown": showing.shown(row),
        "samples": known.only("id", "at", "model_asked", "backend", "cost", "total_ms"),
        "steps": steps.history(row),
        "form": forms.CanaryForm(),
        "may_write": asking.may_write(request, row.team_id),
    }
    return render(request, "caching/pattern.html", shown)


@login_required
@require_POST
def pattern_move(request: HttpRequest, pattern_id: int, move: str) -> HttpResponse:
    row = asking.own(request, asking.patterns(request), pattern_id)
    if move not in steps.VERBS:
        raise Http404
    form = forms.CanaryForm(request.POST)
    if not form.is_valid():
        messages.error(request, "The share is a number from 1 to 100.")
        return redirect("pattern", row.pk)
    if form.cleaned_data["mark"] not in {"", showing.mark(row)}:
        messages.error(request, "It has changed since you looked at it. Look again.")
        return redirect("pattern", row.pk)
    share = form.cleaned_data["share"]
    asked = {"why": form.cleaned_data["why"]} | ({"share": share / 100} if share else {})
    try:
        steps.move(actor_of(request), row, move, asked)
        messages.success(request, DONE[move])
    except Unfit as error:
        messages.error(request, str(error))
    return redirect("pattern", row.pk)
