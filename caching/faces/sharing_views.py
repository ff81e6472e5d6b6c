"""The console's page where teams share answers: groups, and each side's word."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from caching import forms
from caching.errors import Unfit
from caching.faces import asking, joining
from caching.faces.joining import Said
from teams.access import OWNERS, actor_of
from teams.models import Team


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def answers_sharing(request: HttpRequest) -> HttpResponse:
    team = asking.team(request)
    may_write = actor_of(request).may(OWNERS, team.pk)
    if request.method == "POST":
        if not may_write:
            raise PermissionDenied
        _say(request, team)
        return redirect(reverse("answers_sharing", query={"team": team.name}))
    shown = {"team": team, "parts": joining.parts(team), "may_write": may_write}
    return render(request, "caching/sharing.html", shown)


def _say(request: HttpRequest, team: Team) -> None:
    form = forms.WordForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say which group.")
        return
    try:
        told = joining.say(actor_of(request), team, Said(**form.cleaned_data))
        messages.success(request, told)
    except Unfit as error:
        messages.error(request, str(error))
