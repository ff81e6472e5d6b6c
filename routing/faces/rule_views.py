"""The console's pages about the working copy: rules in their order, one rule, the settings."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from routing.faces import asking, rule_showing, vocabulary, writing
from routing.faces.asking import Scope
from routing.faces.rule_forms import RuleForm, SettingsForm, TryForm, pretty
from routing.models import Rule
from routing.publishing import drafts
from teams import page_writes
from teams.access import etag_of
from teams.errors import Refused, Stale

form_page = require_http_methods(["GET", "HEAD", "POST"])
STEPS = {"up": -1, "down": 1}


@login_required
@require_safe
def rules(request: HttpRequest) -> HttpResponse:
    scope = asking.scope(request)
    everyones = drafts.rules(None) if scope.team else []
    shown = {"everyones": len(everyones), **_listed(scope)}
    return render(request, "routing/rules.html", shown)


@login_required
@form_page
def rule_new(request: HttpRequest) -> HttpResponse:
    scope = asking.written(request)
    form = RuleForm.of(None, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with page_writes.judged(form):
            made = writing.create(request, scope, form.cleaned_data)
            return _saved(request, made)
    return _edited(request, scope, form)


@login_required
@form_page
def rule(request: HttpRequest, rule_id: int) -> HttpResponse:
    row: Rule = asking.one(request, Rule.objects.select_related("team"), rule_id)
    scope = asking.scope_of(request, row.team)
    form = RuleForm.of(row, request.POST if request.method == "POST" else None)
    if request.method == "POST":
        asking.require_writer(scope)
        if form.is_valid():
            with page_writes.judged(form):
                seen = request.POST.get("seen", "")
                saved = writing.update(request, row, form.cleaned_data, seen)
                return _saved(request, saved)
    return _edited(request, scope, form, row)


@login_required
@require_POST
def rule_verb(request: HttpRequest, rule_id: int, verb: str) -> HttpResponse:
    """`up`, `down`, `switch` or `remove`."""
    row: Rule = asking.one(request, Rule.objects.select_related("team"), rule_id)
    scope = asking.scope_of(request, row.team)
    asking.require_writer(scope)
    try:
        said = _done(request, scope, row, verb)
    except Refused as error:
        messages.error(request, f"{row.name} stays as it is: {error}")
        return _off_to(request, reverse("routing_rule", args=[row.pk]))
    return _relisted(request, scope, said)


@login_required
@require_POST
def rules_order(request: HttpRequest) -> HttpResponse:
    """All ids of the scope, in their new order."""
    scope = asking.written(request)
    said = [each for each in request.POST.get("ids", "").split(",") if each.strip().isdecimal()]
    try:
        writing.reorder(request, scope, [int(each) for each in said])
    except Stale:
        return _relisted(request, scope, "Somebody changed the list meanwhile: this is how it is.")
    return _relisted(request, scope, "The new order is kept.")


@login_required
@form_page
def routing_settings(request: HttpRequest) -> HttpResponse:
    scope = asking.scope(request)
    kept = drafts.settings(scope.team_id)
    sent = request.POST if request.method == "POST" else None
    form = SettingsForm(sent, initial={"settings": pretty(kept)})
    if request.method == "POST":
        asking.require_writer(scope)
        if form.is_valid():
            with page_writes.judged(form):
                seen = request.POST.get("seen", "")
                writing.set_settings(request, scope, form.cleaned_data["settings"], seen)
                messages.success(request, "Kept in the draft. It applies once it is published.")
                return redirect(scope.at("routing_settings"))
    shown = {"scope": scope, "form": form, "seen": etag_of(kept)}
    return render(request, "routing/settings.html", shown)


def _done(request: HttpRequest, scope: Scope, row: Rule, verb: str) -> str:
    if verb in STEPS:
        place = writing.move(request, scope, row, STEPS[verb])
        return f"{row.name} is number {place} now."
    if verb == "switch":
        saved = writing.update(request, row, {"enabled": not row.enabled})
        return f"{row.name} is {'on' if saved.enabled else 'off'} in the draft."
    if verb == "remove":
        writing.remove(request, row)
        return f"{row.name} is removed from the draft."
    raise Http404


def _off_to(request: HttpRequest, place: str) -> HttpResponse:
    """Another page, by htmx's own way of saying so when it asked."""
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(place)
    answer = HttpResponse(status=204)
    answer["HX-Redirect"] = place
    return answer


def _saved(request: HttpRequest, saved: Rule) -> HttpResponse:
    messages.success(request, f"{saved.name} is kept in the draft. Try it, then publish it.")
    return redirect("routing_rule", saved.pk)


def _edited(
    request: HttpRequest, scope: Scope, form: RuleForm, row: Rule | None = None
) -> HttpResponse:
    shown: dict[str, Any] = {
        "scope": scope,
        "form": form,
        "rule": row,
        "seen": request.POST.get("seen") or (writing.mark(request, row) if row else ""),
        "vocabulary": vocabulary.offered(scope.team_id),
        "trial_form": TryForm(),
        "team": scope.team,
    }
    if row is not None:
        copy = rule_showing.working_copy(scope.team_id)
        shown["line"] = next(line for line in copy.lines if line.rule.pk == row.pk)
    return render(request, "routing/rule.html", shown)


def _listed(scope: Scope) -> dict[str, Any]:
    copy = rule_showing.working_copy(scope.team_id)
    return {"scope": scope, "copy": copy, "team": scope.team}


def _relisted(request: HttpRequest, scope: Scope, said: str) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        messages.success(request, said)
        return redirect(scope.at("routing_rules"))
    return render(request, "routing/rules.html#rules", {"said": said, **_listed(scope)})
