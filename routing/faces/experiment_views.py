"""The console's pages about experiments: the list, the form, how one stands, and moving it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from routing.experiments import promoting
from routing.experiments.promoting import NoSuchArm, NotNow
from routing.faces import asking, experiment_showing, sentences, vocabulary
from routing.faces.asking import Scope
from routing.faces.experiment_forms import ExperimentForm
from routing.faces.experiment_serializers import STANDING, ExperimentSerializer
from routing.models import Experiment, ExperimentPoint
from routing.publishing.errors import Unsound
from teams import page_writes
from teams.access import actor_of
from teams.page_writes import Seen

form_page = require_http_methods(["GET", "HEAD", "POST"])
VOLATILE = frozenset({"reading"})
MOST_POINTS = 500


@login_required
@require_safe
def experiments(request: HttpRequest) -> HttpResponse:
    scope = asking.own_team(request)
    rows = Experiment.objects.filter(team=scope.team)
    shown = {"scope": scope, "team": scope.team, "rows": rows}
    return render(request, "routing/experiments.html", shown)


@login_required
@form_page
def experiment_new(request: HttpRequest) -> HttpResponse:
    scope = asking.own_team(request)
    asking.require_writer(scope)
    form = ExperimentForm.of(None, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        said = {**form.said(), "team": scope.team.name if scope.team else ""}
        with page_writes.judged(form):
            made = page_writes.create(request, ExperimentSerializer, said)
            messages.success(request, "Written down. It takes requests once you start it.")
            return redirect("routing_experiment", made.pk)
    return _form(request, scope, form)


@login_required
@form_page
def experiment_edit(request: HttpRequest, experiment_id: int) -> HttpResponse:
    row, scope = _own(request, experiment_id)
    form = ExperimentForm.of(row, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with page_writes.judged(form):
            seen = Seen(row=row, mark=request.POST.get("seen", ""), volatile=VOLATILE)
            page_writes.update(request, ExperimentSerializer, seen, form.said())
            messages.success(request, "Kept.")
            return redirect("routing_experiment", row.pk)
    return _form(request, scope, form, row)


@login_required
@require_safe
def experiment(request: HttpRequest, experiment_id: int) -> HttpResponse:
    row: Experiment = asking.one(request, Experiment.objects.select_related("team"), experiment_id)
    newest = ExperimentPoint.objects.filter(experiment=row).order_by("-id")[:MOST_POINTS]
    points = [(each.at, each.reading) for each in reversed(newest)]
    names = [arm["name"] for arm in row.arms]
    title, words = experiment_showing.METRICS.get(row.metric, (row.metric, ""))
    shown: dict[str, Any] = {
        "scope": asking.scope_of(request, row.team),
        "row": row,
        "when": sentences.when(row.when),
        "metric": title,
        "metric_words": words,
        "arms": experiment_showing.arms(row.arms, row.reading, row.metric),
        "differences": experiment_showing.differences(row.reading),
        "plot": experiment_showing.plot(names, points, row.metric),
        "rails": experiment_showing.rails(row.guardrails),
        "editable": row.state in STANDING,
        "running": row.state == "running",
    }
    part = "#standing" if request.htmx else ""  # type: ignore[attr-defined]
    return render(request, f"routing/experiment.html{part}", shown)


@login_required
@require_POST
def experiment_move(request: HttpRequest, experiment_id: int, move: str) -> HttpResponse:
    """`start`, `stop`, `promote` or `remove`."""
    row, scope = _own(request, experiment_id)
    try:
        said = _moved(request, row, move)
    except (NotNow, NoSuchArm, ValueError) as error:
        messages.error(request, str(error) or str(error.__doc__))
        return redirect("routing_experiment", row.pk)
    except Unsound as error:
        messages.error(request, f"The draft cannot be published, so nothing was: {error}.")
        return redirect("routing_experiment", row.pk)
    messages.success(request, said)
    gone = move == "remove"
    return (
        redirect(scope.at("routing_experiments"))
        if gone
        else redirect("routing_experiment", row.pk)
    )


def _moved(request: HttpRequest, row: Experiment, move: str) -> str:
    actor = actor_of(request)
    if move == "start":
        promoting.start(actor, row)
        return f"{row.name} takes requests within a second."
    if move == "stop":
        promoting.stop(actor, row)
        return "Stopped: everybody is answered as today again."
    if move == "promote":
        publish = request.POST.get("publish") == "on"
        made = promoting.promote(actor, row, arm=request.POST.get("arm", ""), publish=publish)
        where = f"version {made.number}" if made and made.number else "the draft"
        return (
            f"{row.winner} is done from now on: it stands in {where}." if made else "Kept as it is."
        )
    if move == "remove" and row.state in STANDING:
        page_writes.remove(request, row)
        return f"{row.name} is removed."
    if move == "remove":
        raise NotNow(move, row.state)
    raise Http404


def _own(request: HttpRequest, experiment_id: int) -> tuple[Experiment, Scope]:
    row: Experiment = asking.one(request, Experiment.objects.select_related("team"), experiment_id)
    scope = asking.scope_of(request, row.team)
    asking.require_writer(scope)
    return row, scope


def _form(
    request: HttpRequest, scope: Scope, form: ExperimentForm, row: Experiment | None = None
) -> HttpResponse:
    now = page_writes.mark(request, ExperimentSerializer, row, VOLATILE) if row else ""
    shown = {
        "scope": scope,
        "form": form,
        "row": row,
        "seen": request.POST.get("seen") or now,
        "vocabulary": vocabulary.offered(scope.team_id),
    }
    return render(request, "routing/experiment_edit.html", shown)
