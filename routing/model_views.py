"""The console's pages about model files: what is here, how it runs, who uses it, removing it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from kombu.exceptions import OperationalError

from inference.store import models, shipped_model
from inference.store.errors import ModelError
from inference.store.models import ModelFile
from routing import shelf, tasks
from teams import audit
from teams.access import actor_of


@login_required
@require_safe
def model_files(request: HttpRequest) -> HttpResponse:
    rows = [_row(model) for model in models.all_files()]
    return render(request, "routing/models.html", {"rows": rows, **_viewer(request)})


@login_required
@require_safe
def model_file(request: HttpRequest, reference: str) -> HttpResponse:
    row = _row(_found(reference))
    shown = {**row, **_viewer(request), **_measured(row["model"])}
    if row["is_demo"]:
        shown["marks"] = shipped_model.marks()
    return render(request, "routing/model.html", shown)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def model_remove(request: HttpRequest, reference: str) -> HttpResponse:
    _require_operator(request)
    model = _found(reference)
    if request.method == "POST":
        try:
            gone = shelf.remove(model.reference)
        except ModelError as error:
            messages.error(request, str(error))
            return redirect("model_file", model.reference)
        audit.record_file(actor_of(request), "remove", gone.reference, before=_facts(gone))
        messages.success(request, f"{gone.reference} is removed.")
        return redirect("model_files")
    row = _row(model)
    busy = [backend for backend in row["users"] if backend.enabled]
    return render(request, "routing/model_remove.html", {**row, "busy": busy})


@login_required
@require_POST
def model_retry(request: HttpRequest, reference: str) -> HttpResponse:
    """Forgets its crashes and has a worker try it: by itself nothing would be sent to it."""
    _require_operator(request)
    model = _found(reference)
    if not shelf.state(model).may_retry:
        messages.info(request, f"{model.reference} is well: there is nothing to forgive.")
        return redirect("model_file", model.reference)
    try:
        shelf.forgive(model)
        for row in shelf.users(model):
            tasks.ask_for_probe(row)
    except OperationalError:
        messages.error(request, "The queue is not reachable, so no worker can try it.")
        return redirect("model_file", model.reference)
    audit.record_file(actor_of(request), "try again", model.reference)
    messages.success(request, f"The crashes of {model.reference} are forgotten; it may load again.")
    return redirect("model_file", model.reference)


def _row(model: ModelFile) -> dict[str, Any]:
    return {
        "model": model,
        "state": shelf.state(model),
        "users": shelf.users(model),
        "is_demo": model.name == shipped_model.NAME,
    }


def _measured(model: ModelFile) -> dict[str, Any]:
    found = [one for one in models.all_files() if one.name == model.name]
    moment = str(model.speed.get("measured_at", ""))
    return {
        "siblings": [one for one in found if one.reference != model.reference],
        "measured_at": datetime.fromisoformat(moment) if moment else None,
        "load_ms": model.speed.get("load_s", 0) * 1000,
    }


def _facts(model: ModelFile) -> dict[str, Any]:
    return {"source": model.source, "sha256": model.sha256}


def _viewer(request: HttpRequest) -> dict[str, Any]:
    return {"may_write": actor_of(request).operates}


def _found(reference: str) -> ModelFile:
    try:
        return models.look(reference)
    except ModelError as error:
        raise Http404(str(error)) from error


def _require_operator(request: HttpRequest) -> None:
    if not actor_of(request).operates:
        raise PermissionDenied
