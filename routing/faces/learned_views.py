"""The console's page about what was learned: strengths, versions, and trials of backends."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from routing.faces import asking, exam_orders, strengths_showing
from routing.faces.learning_serializers import EVERYONE, TrialSerializer
from routing.learning import strengths, versions
from routing.models import Backend, RouterMind, Trial
from teams import audit, page_writes
from teams.access import actor_of

MANY = 20


@login_required
@require_safe
def learned(request: HttpRequest) -> HttpResponse:
    scope = asking.own_team(request)
    standing = versions.in_force()
    facts = standing.facts if standing else {}
    told = facts.get("strengths", {})
    trials = Trial.objects.select_related("backend", "team")[:MANY]
    shown: dict[str, Any] = {
        "scope": scope,
        "team": scope.team,
        "standing": standing,
        "facts": facts,
        "mine": strengths_showing.table(told.get(str(scope.team_id), {})),
        "all": strengths_showing.table(told.get(EVERYONE, {})),
        "enough": strengths.ENOUGH,
        "versions": versions.light()[:MANY],
        "trials": trials,
        "trying": any(trial.state in exam_orders.OPEN for trial in trials),
        "backends": exam_orders.candidates(),
        "operates": actor_of(request).operates,
    }
    part = "#trials" if request.htmx else ""  # type: ignore[attr-defined]
    return render(request, f"routing/learned.html{part}", shown)


@login_required
@require_POST
def learned_withdraw(request: HttpRequest, mind_id: int) -> HttpResponse:
    _require_operator(request)
    mind = get_object_or_404(RouterMind.objects.defer("weights", "evidence"), pk=mind_id)
    actor = actor_of(request)
    with transaction.atomic():
        numbers = versions.withdraw(mind.pk, actor.name)
        if numbers:
            audit.record(actor, "withdraw", mind, after={"withdrawn": numbers})
    now = versions.in_force()
    where = f"version {now.pk} counts again" if now else "what was written of backends counts again"
    messages.success(request, f"Taken back: {', '.join(map(str, numbers)) or 'nothing'}; {where}.")
    return redirect("routing_learned")


@login_required
@require_POST
def backend_trial(request: HttpRequest) -> HttpResponse:
    _require_operator(request)
    backend = get_object_or_404(Backend, name=request.POST.get("backend", ""))
    said = {"cap_usd": request.POST.get("cap_usd") or "0.10", "team": request.POST.get("team")}
    judged = TrialSerializer(data=said, context={"request": request, "view": None})
    if not judged.is_valid():
        wrong = [words for each in judged.errors.values() for words in page_writes.words_of(each)]
        messages.error(request, f"Not begun: {'; '.join(wrong)}")
        return redirect("routing_learned")
    try:
        exam_orders.begin(actor_of(request), backend, judged)
        messages.success(request, f"{backend.name} is asked KORA's own questions now.")
    except (exam_orders.AlreadyTried, exam_orders.NotTried) as error:
        messages.error(request, f"{backend.name}: {error.__doc__}")
    return redirect(reverse("routing_learned") + "#trials")


def _require_operator(request: HttpRequest) -> None:
    """All teams share what was learned, and the backends."""
    if not actor_of(request).operates:
        raise PermissionDenied
