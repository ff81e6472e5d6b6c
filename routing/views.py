"""The console's pages about backends: the list, one of them, adding, testing, switching."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from kombu.exceptions import OperationalError

from analytics import figures
from analytics.views import seen_by
from inference.store import models
from routing import condition, forms, offers, provider_keys, serializers, tasks
from routing.models import Backend, Kind
from teams import audit
from teams.access import actor_of

PATIENCE = timedelta(seconds=70)
"""A test takes a minute at most; after that the page no longer waits for it."""


@login_required
@require_safe
def backends(request: HttpRequest) -> HttpResponse:
    traffic = _today(request)
    rows = serializers.priced(Backend.objects.all())
    found = [(row, traffic.get(row.name), condition.of(row)) for row in rows]
    shown = {"rows": found, "may_write": actor_of(request).operates}
    return render(request, "routing/backends.html", shown)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def backend_new(request: HttpRequest) -> HttpResponse:
    _require_operator(request)
    offer = _offer(request)
    form = _with_models(forms.BackendForm(request.POST or None, initial=offer.initial()))
    if request.method == "POST":
        made = _saved(request, form, None)
        if made:
            messages.success(request, f"{made.name} is added. Test it before you rely on it.")
            return redirect("backend", made.pk)
    shown = {"form": form, "offer": offer, "offers": offers.OFFERS}
    return render(request, "routing/backend_new.html", shown)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def backend(request: HttpRequest, backend_id: int) -> HttpResponse:
    row = get_object_or_404(serializers.priced(Backend.objects.all()), pk=backend_id)
    may_write = actor_of(request).operates
    form = _with_models(forms.BackendForm.of(row, request.POST or None)) if may_write else None
    if request.method == "POST":
        _require_operator(request)
        if form and _saved(request, form, row):
            messages.success(request, "Saved. Requests use it within a second.")
            return redirect("backend", row.pk)
    shown = {
        "backend": row,
        "form": form,
        "may_write": may_write,
        "traffic": _today(request).get(row.name),
        "keys": provider_keys.shown(row),
        "takes_keys": row.kind not in (Kind.LOCAL, Kind.SANDBOX),
        **_wait(row, _since(request)),
    }
    return render(request, "routing/backend.html", shown)


@login_required
@require_POST
def backend_test(request: HttpRequest, backend_id: int) -> HttpResponse:
    _require_operator(request)
    row = get_object_or_404(Backend, pk=backend_id)
    asked_at = datetime.now(UTC)
    try:
        tasks.ask_for_probe(row)
        audit.record(actor_of(request), "test", row)
    except OperationalError:
        messages.error(request, "The queue is not reachable, so no worker can make the test call.")
        return _elsewhere(request, row)
    if request.htmx:  # type: ignore[attr-defined]
        return _health(request, row, asked_at)
    where = reverse("backend", args=[row.pk], query={"since": asked_at.isoformat()})
    return redirect(where)


@login_required
@require_safe
def backend_health(request: HttpRequest, backend_id: int) -> HttpResponse:
    """The fragment that a running test asks for until the test is over."""
    row = get_object_or_404(Backend.objects.select_related("health"), pk=backend_id)
    return _health(request, row, _since(request))


@login_required
@require_POST
def backend_switch(request: HttpRequest, backend_id: int) -> HttpResponse:
    _require_operator(request)
    with transaction.atomic():
        row = get_object_or_404(Backend.objects.select_for_update(), pk=backend_id)
        before = audit.facts_of(row)
        row.enabled = not row.enabled
        row.save(update_fields=["enabled", "updated_at"])
        audit.record(actor_of(request), "update", row, before=before, after=audit.facts_of(row))
    messages.success(request, f"{row.name} is {'on' if row.enabled else 'off'}.")
    return redirect("backend", row.pk)


def _offer(request: HttpRequest) -> offers.Offer:
    """The chosen provider's; of a model file, what that file can do."""
    offer = offers.find(request.GET.get("provider", ""))
    if offer.kind != Kind.LOCAL:
        return offer
    wanted, files = request.GET.get("model", ""), models.all_files()
    chosen = next((file for file in files if file.reference == wanted), None)
    chosen = chosen or (files[0] if files else None)
    return offers.of_model(chosen) if chosen else offer


def _with_models(form: forms.BackendForm) -> forms.BackendForm:
    if form["kind"].value() == Kind.LOCAL:
        form.offer_models([file.reference for file in models.all_files()])
    return form


def _since(request: HttpRequest) -> datetime | None:
    """When the test whose outcome the page waits for was asked for."""
    try:
        moment = datetime.fromisoformat(request.GET.get("since", ""))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _health(request: HttpRequest, row: Backend, since: datetime | None) -> HttpResponse:
    return render(request, "routing/health.html", {"backend": row, **_wait(row, since)})


def _wait(row: Backend, since: datetime | None) -> dict[str, Any]:
    health = getattr(row, "health", None)
    checked = health.checked_at if health else None
    waiting = since is not None and (checked is None or checked < since)
    late = since is not None and datetime.now(UTC) - since > PATIENCE
    return {
        "since": since,
        "waiting": waiting and not late,
        "late": waiting and late,
        "health": condition.of(row),
    }


def _elsewhere(request: HttpRequest, row: Backend) -> HttpResponse:
    """Back to the backend's page, by htmx's own way of saying so when it asked."""
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("backend", row.pk)
    answer = HttpResponse(status=204)
    answer["HX-Refresh"] = "true"
    return answer


def _require_operator(request: HttpRequest) -> None:
    """All teams share the backends, so whoever operates this KORA keeps them."""
    if not actor_of(request).operates:
        raise PermissionDenied


def _saved(request: HttpRequest, form: forms.BackendForm, row: Backend | None) -> Backend | None:
    if not form.is_valid():
        return None
    judged = serializers.BackendSerializer(
        row, data=form.asked(), partial=row is not None, context={"request": request}
    )
    if not judged.is_valid():
        form.refuse(judged.errors)
        return None
    action, before = ("update", _facts(row)) if row else ("create", {})
    with transaction.atomic():
        saved = judged.save()
        audit.record(actor_of(request), action, saved, before=before, after=_facts(saved))
    return saved


def _facts(row: Backend) -> dict[str, Any]:
    """As the API records it: the columns, and the price that stands in another table."""
    prices = {name: getattr(row, f"now_{name}", None) for name in serializers.PRICES}
    shown = {name: f"{price:f}" for name, price in prices.items() if price is not None}
    return audit.facts_of(row) | shown


def _today(request: HttpRequest) -> dict[str, figures.Traffic]:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return figures.traffic(seen_by(request), midnight)
