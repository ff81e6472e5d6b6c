"""The console's live test: what one request comes to, in force and with the draft."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from caching.faces import asking as answers
from routing.faces import asking, trials
from routing.faces.asking import Scope
from routing.faces.rule_forms import RuleForm, TryForm
from routing.publishing import checking
from routing.rehearsals import Asked


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def routing_try(request: HttpRequest) -> HttpResponse:
    """With a rule beside it, where one is being edited: it need not be saved to be tried."""
    scope = asking.scope(request)
    shown: dict[str, Any] = {"scope": scope, "team": scope.team, "form": TryForm()}
    if request.method == "POST":
        shown |= _tried(request, scope)
    part = "#trial" if request.htmx else ""  # type: ignore[attr-defined]
    return render(request, f"routing/try.html{part}", shown)


def _tried(request: HttpRequest, scope: Scope) -> dict[str, Any]:
    form = TryForm(request.POST)
    edited, trouble = _edited(request)
    if not form.is_valid():
        trouble = trouble or "Say what the user says: there is nothing to try yet."
    if trouble:
        return {"form": form, "trouble": trouble}
    team = scope.team or answers.team(request)
    asked = Asked(body=form.body(), headers=form.headers())
    outcomes = trials.both(team, scope, asked, edited)
    return {"form": form, "outcomes": outcomes, "whose": team}


def _edited(request: HttpRequest) -> tuple[dict[str, Any] | None, str]:
    """The rule of the page, and what is wrong with it."""
    if "then" not in request.POST:
        return None, ""
    form = RuleForm.of(None, request.POST)
    form.fields["name"].required = False
    if not form.is_valid():
        return None, "; ".join(str(each[0]) for each in form.errors.values())
    said = {**form.cleaned_data, "was": request.POST.get("was", "")}
    said["name"] = said["name"] or "this-rule"
    wrong = next(iter(checking.rule_alone(said["name"], said)), None)
    return said, f"{wrong.place}: {wrong.words}" if wrong else ""
