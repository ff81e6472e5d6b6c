"""The console's pages about stored answers: the list, one of them, how well they do, a trial."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from caching import forms, meaning
from caching.errors import NoEmbedder
from caching.faces import asking, browsing, curating, hearing, quality, trying
from caching.imports import rehearsing
from caching.imports.rehearsing import Setting
from caching.judge import judging
from caching.models import Entry
from teams.access import actor_of
from teams.models import Team

form_page = require_http_methods(["GET", "HEAD", "POST"])
DONE = {
    "pin": "Pinned: it stands until somebody changes it.",
    "unpin": "It is an answer like any other again, and expires.",
    "quarantine": "Taken out of service. It answers nothing until it is released.",
    "release": "It may answer again.",
}


@login_required
@require_safe
def answers(request: HttpRequest) -> HttpResponse:
    asked = request.GET.dict()
    shown = {
        "asked": asked,
        "states": browsing.STATES,
        "filtered": any(asked.get(name) for name in (*browsing.FILTERS, "like")),
        **_found(request, asked),
    }
    if request.htmx and request.htmx.target == "rows":  # type: ignore[attr-defined]
        return render(request, "caching/answers.html#rows", shown)
    return render(request, "caching/answers.html", shown)


@login_required
@require_safe
def answer(request: HttpRequest, entry_id: int) -> HttpResponse:
    entry = get_object_or_404(asking.entries(request), pk=entry_id)
    terms = browsing.terms_of(entry.team)
    court = hearing.court(terms, entry.model_asked)
    shown = {
        "row": browsing.row_of(entry),
        "neighbours": court.hear_for(entry, browsing.beside(entry).rows),
        "evidence": browsing.evidence_of(entry),
        "terms": court.terms,
        "may_write": asking.may_write(request, entry.team_id),
    }
    return render(request, "caching/answer.html", shown)


@login_required
@require_POST
def answer_verb(request: HttpRequest, entry_id: int, verb: str) -> HttpResponse:
    entry = asking.own(request, asking.entries(request), entry_id)
    if verb not in curating.VERBS:
        raise Http404
    curating.carry_out(actor_of(request), entry, verb)
    messages.success(request, DONE[verb])
    return redirect("answer", entry.pk)


@login_required
@form_page
def answer_edit(request: HttpRequest, entry_id: int) -> HttpResponse:
    entry: Entry = asking.own(request, asking.entries(request), entry_id)
    row = browsing.row_of(entry)
    form = forms.AnswerForm(request.POST or None, initial={"answer": row.answer})
    if not form.is_valid():
        return render(request, "caching/answer_edit.html", {"form": form, "row": row})
    curating.edit(actor_of(request), entry, form.cleaned_data["answer"])
    messages.success(request, "Saved and pinned. Whoever asks this is told so from now on.")
    return redirect("answer", entry.pk)


@login_required
@form_page
def answer_drop(request: HttpRequest, entry_id: int) -> HttpResponse:
    entry = asking.own(request, asking.entries(request), entry_id)
    if request.method != "POST":
        return render(request, "caching/answer_drop.html", {"row": browsing.row_of(entry)})
    curating.drop(actor_of(request), entry)
    messages.success(request, "Dropped. The next who asks gets a fresh answer.")
    return redirect("answers")


@login_required
@require_safe
def answers_quality(request: HttpRequest) -> HttpResponse:
    team = asking.team(request)
    terms = browsing.terms_of(team)
    found = quality.of(team, terms, request.GET.get("range", ""))
    shown = {
        "quality": found,
        "terms": terms,
        "same_words": judging.asks_for_the_same_words(terms.static_threshold),
        "spans": list(quality.DAYS),
    }
    return render(request, "caching/quality.html", shown | _about(request, team))


@login_required
@require_safe
def answers_try(request: HttpRequest) -> HttpResponse:
    team = asking.team(request)
    given = request.GET if request.GET.get("question") else None
    form = forms.TrialForm(given)
    shown: dict[str, Any] = {"form": form, "terms": browsing.terms_of(team)}
    if given and form.is_valid():
        try:
            shown["trial"] = trying.of(team, shown["terms"], form.cleaned_data)
        except NoEmbedder:
            shown["trouble"] = NoEmbedder.__doc__
    if request.htmx and request.htmx.target == "trial":  # type: ignore[attr-defined]
        return render(request, "caching/try.html#trial", shown)
    return render(request, "caching/try.html", shown | _about(request, team))


@login_required
@form_page
def answers_rehearsal(request: HttpRequest) -> HttpResponse:
    """Many questions at once; a POST, because they do not fit into an address."""
    team = asking.team(request)
    form = forms.RehearsalForm(request.POST if request.method == "POST" else None)
    shown: dict[str, Any] = {"form": form, **_about(request, team)}
    if request.method == "POST" and form.is_valid():
        setting = Setting(model=form.cleaned_data["model"], system=form.cleaned_data["system"])
        asked = enumerate(form.cleaned_data["questions"], start=1)
        try:
            kept = browsing.terms_of(team)
            shown["samples"] = list(rehearsing.rehearse(team, kept, asked, setting))
            shown["summary"] = rehearsing.told(shown["samples"])
        except NoEmbedder:
            shown["trouble"] = NoEmbedder.__doc__
    return render(request, "caching/rehearsal.html", shown)


def _found(request: HttpRequest, asked: dict[str, str]) -> dict[str, Any]:
    """By meaning where that is asked for, else newest first."""
    rows = browsing.narrowed(asking.entries(request), asked)
    wanted = asked.get("like", "").strip()
    if not wanted:
        return {"page": browsing.page(rows, asked.get("cursor", ""))}
    try:
        vector = meaning.vector(wanted[:4000])
        return {"page": browsing.by_meaning(rows, vector)}
    except NoEmbedder:
        return {"page": browsing.Page(), "trouble": NoEmbedder.__doc__}


def _about(request: HttpRequest, team: Team) -> dict[str, Any]:
    return {"team": team, "may_write": asking.may_write(request, team.pk)}
