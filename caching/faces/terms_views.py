"""The console's pages where a team says how it is answered: terms, dropping many, imports."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from caching import forms, serializers
from caching.errors import Unfit
from caching.faces import asking, browsing, sweeping
from caching.imports import importing
from caching.imports.importing import Wanted
from caching.models import CacheTerms, Import
from teams import audit
from teams.access import actor_of
from teams.models import Team

form_page = require_http_methods(["GET", "HEAD", "POST"])
MANY = 50


@login_required
@form_page
def answers_terms(request: HttpRequest) -> HttpResponse:
    team = asking.team(request)
    kept = browsing.terms_of(team)
    form = forms.TermsForm.of(kept, request.POST if request.method == "POST" else None)
    if request.method == "POST":
        asking.require_writer(request, team.pk)
        if _saved(request, kept, form):
            messages.success(request, "Saved. Requests go by it within a second.")
            return redirect(_at("answers_terms", team))
    shown = {"form": form, "terms": kept, **_about(request, team)}
    return render(request, "caching/terms.html", shown)


@login_required
@form_page
def answers_invalidate(request: HttpRequest) -> HttpResponse:
    """Looks first; what was seen then is dropped when the same is sent again with `drop`."""
    team = asking.team(request)
    form = forms.CriteriaForm(request.POST or None)
    shown: dict[str, Any] = {"form": form, **_about(request, team)}
    if request.method != "POST":
        return render(request, "caching/invalidate.html", shown)
    asking.require_writer(request, team.pk)
    if form.is_valid():
        try:
            wanted = sweeping.criteria(team, form.asked())
            seen = request.POST.get("as_of", "")
            shown["found"] = found = sweeping.look(team, wanted, seen)
            if seen and "drop" in request.POST:
                dropped = sweeping.sweep(actor_of(request), team, form.asked(), found)
                messages.success(request, f"{dropped:,} answers are dropped.")
                return redirect(_at("answers_invalidate", team))
        except Unfit as error:
            form.add_error(None, str(error))
    return render(request, "caching/invalidate.html", shown)


@login_required
@form_page
def answers_imports(request: HttpRequest) -> HttpResponse:
    team = asking.team(request)
    form = forms.ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST":
        asking.require_writer(request, team.pk)
        if form.is_valid() and (made := _begun(request, team, form)):
            return redirect("answers_import", made.pk)
    rows = Import.objects.filter(team=team).defer("content", "rejected")[:MANY]
    shown = {"form": form, "rows": rows, **_about(request, team)}
    return render(request, "caching/imports.html", shown)


@login_required
@require_safe
def answers_import(request: HttpRequest, import_id: int) -> HttpResponse:
    row = get_object_or_404(_imports(request), pk=import_id)
    shown = {
        "row": row,
        "running": row.state in importing.OPEN,
        "waits": importing.waits(row),
        "may_write": asking.may_write(request, row.team_id),
    }
    part = "#progress" if request.htmx else ""  # type: ignore[attr-defined]
    return render(request, f"caching/import.html{part}", shown)


@login_required
@require_POST
def answers_import_undo(request: HttpRequest, import_id: int) -> HttpResponse:
    row = asking.own(request, _imports(request), import_id)
    messages.success(request, f"Undone. {importing.undo(actor_of(request), row)}")
    return redirect("answers_import", row.pk)


def _imports(request: HttpRequest) -> Any:
    rows = Import.objects.select_related("team").defer("content")
    return rows.filter(team__in=asking.teams(request))


def _saved(request: HttpRequest, kept: CacheTerms, form: forms.TermsForm) -> bool:
    if not form.is_valid():
        return False
    judged = serializers.TermsSerializer(kept, data=form.asked(), partial=True)
    if not judged.is_valid():
        form.refuse(judged.errors)
        return False
    with transaction.atomic():
        before = serializers.facts_of(kept)
        saved = judged.save()
        after = serializers.facts_of(saved)
        audit.record(actor_of(request), "update", saved, before=before, after=after)
    return True


def _begun(request: HttpRequest, team: Team, form: forms.ImportForm) -> Import | None:
    said = form.cleaned_data
    wanted = Wanted(
        name=said["name"] or said["file"].name,
        content=said["file"].read(),
        model=said["model_asked"],
        system=said["system_prompt"],
    )
    try:
        return importing.begin(actor_of(request), team, wanted)
    except Unfit as error:
        form.add_error("file", str(error))
        return None


def _about(request: HttpRequest, team: Team) -> dict[str, Any]:
    return {"team": team, "may_write": asking.may_write(request, team.pk)}


def _at(name: str, team: Team) -> str:
    return reverse(name, query={"team": team.name})
