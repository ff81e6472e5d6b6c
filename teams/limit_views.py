"""The console's page of what a team may have of what all share."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from teams import audit as log
from teams import browsing, forms
from teams.access import actor_of


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def team_limits(request: HttpRequest, team_id: int) -> HttpResponse:
    """Operators set them; a team that could would set all others' as well."""
    actor = actor_of(request)
    team = get_object_or_404(browsing.teams(actor), pk=team_id)
    if not actor.operates:
        raise PermissionDenied
    before = log.facts_of(team)
    form = forms.TeamLimitsForm(request.POST or None, instance=team)
    if not form.is_valid():
        return render(request, "teams/team_limits.html", {"form": form, "team": team})
    with transaction.atomic():
        saved = form.save()
        log.record(actor, "update", saved, before=before, after=log.facts_of(saved))
    messages.success(request, f"The limits of {saved.name} are saved.")
    return redirect("team")
