"""The console's pages about intents: those that ship, a team's own, and trying a sentence."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from routing import tasks
from routing.faces import asking, confusions, recognition
from routing.faces.asking import Scope
from routing.faces.intent_forms import IntentForm
from routing.faces.intent_serializers import TeamIntentSerializer
from routing.intents import shipped
from routing.intents.reporting import FEWEST
from routing.models import TeamIntent
from teams import audit, page_writes
from teams.access import actor_of
from teams.page_writes import Seen

form_page = require_http_methods(["GET", "HEAD", "POST"])
STEADY = frozenset({"too_few"})


@login_required
@require_safe
def intents(request: HttpRequest) -> HttpResponse:
    scope = asking.own_team(request)
    assert scope.team is not None
    sentence = request.GET.get("sentence", "")[:20_000].strip()
    shown: dict[str, Any] = {"scope": scope, "team": scope.team, "sentence": sentence}
    if sentence:
        shown["heard"] = recognition.hear(scope.team.pk, sentence).as_json()
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "routing/intents.html#heard", shown)
    report = recognition.report(scope.team.pk)
    shown |= {
        "rows": TeamIntent.objects.filter(team=scope.team),
        "report": report,
        "confusion": confusions.table(report["table"]),
        "told": {row["intent"]: row for row in report["intents"]},
        "shipped": shipped.TYPES,
        "fewest": FEWEST,
    }
    return render(request, "routing/intents.html", shown)


@login_required
@form_page
def intent_new(request: HttpRequest) -> HttpResponse:
    scope = asking.own_team(request)
    asking.require_writer(scope)
    form = IntentForm.of(None, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        said = {**form.said(), "team": scope.team.name if scope.team else ""}
        with page_writes.judged(form):
            made = page_writes.create(request, TeamIntentSerializer, said)
            return _kept(request, scope, made)
    shown = {"scope": scope, "form": form, "fewest": FEWEST}
    return render(request, "routing/intent.html", shown)


@login_required
@form_page
def intent(request: HttpRequest, intent_id: int) -> HttpResponse:
    row: TeamIntent = asking.one(request, TeamIntent.objects.select_related("team"), intent_id)
    scope = asking.scope_of(request, row.team)
    form = IntentForm.of(row, request.POST if request.method == "POST" else None)
    if request.method == "POST":
        asking.require_writer(scope)
        if form.is_valid():
            with page_writes.judged(form):
                seen = Seen(row=row, mark=request.POST.get("seen", ""), volatile=STEADY)
                page_writes.update(request, TeamIntentSerializer, seen, form.said())
                return _kept(request, scope, row)
    kept = page_writes.mark(request, TeamIntentSerializer, row, STEADY)
    seen_now = request.POST.get("seen") or kept
    shown = {"scope": scope, "form": form, "row": row, "seen": seen_now, "fewest": FEWEST}
    return render(request, "routing/intent.html", shown)


@login_required
@require_POST
def intent_remove(request: HttpRequest, intent_id: int) -> HttpResponse:
    row: TeamIntent = asking.one(request, TeamIntent.objects.select_related("team"), intent_id)
    scope = asking.scope_of(request, row.team)
    asking.require_writer(scope)
    page_writes.remove(request, row)
    tasks.ask_to_teach()
    messages.success(request, f"{row.name} is removed; what is left is learned anew.")
    return redirect(scope.at("routing_intents"))


@login_required
@require_POST
def intents_train(request: HttpRequest) -> HttpResponse:
    scope = asking.own_team(request)
    asking.require_writer(scope)
    assert scope.team is not None
    audit.record(actor_of(request), "train intents", scope.team)
    tasks.ask_to_teach()
    messages.success(request, "Asked. It takes a few seconds; what has not changed is kept.")
    return redirect(scope.at("routing_intents"))


def _kept(request: HttpRequest, scope: Scope, row: TeamIntent) -> HttpResponse:
    tasks.ask_to_teach()
    messages.success(request, f"{row.name} is kept, and learned within seconds.")
    return redirect(scope.at("routing_intents"))
