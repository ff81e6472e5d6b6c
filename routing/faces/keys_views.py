"""The console's forms for the keys of a backend's provider: add, forgive, remove."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from routing import provider_keys
from routing.models import Backend, Kind
from routing.provider_keys import Shown
from teams import audit
from teams.access import actor_of

LONGEST = 4096
KEYLESS = (Kind.LOCAL, Kind.SANDBOX)


@login_required
@require_POST
def backend_keys(request: HttpRequest, backend_id: int) -> HttpResponse:
    """One more key; a mistake is told at the top of the page that it came from."""
    secret = request.POST.get("secret", "").strip()
    label = request.POST.get("label", "").strip()
    with transaction.atomic():
        backend = _locked(request, backend_id)
        if not 0 < len(secret) <= LONGEST or len(label) > 80 or backend.kind in KEYLESS:
            messages.error(request, "A key and, if you like, a label of at most 80 characters.")
        else:
            made = provider_keys.add(backend, {"secret": secret, "label": label})
            _record(request, backend, None, made)
            messages.success(request, f"{made.label} is added. Requests use it within a second.")
    return redirect("backend", backend.pk)


@login_required
@require_POST
def backend_key_forgive(request: HttpRequest, backend_id: int, backend_key_id: int) -> HttpResponse:
    def forgive(backend: Backend, known: Shown) -> Shown:
        return provider_keys.mend(backend, known, {"forgive": True})

    return _done(request, (backend_id, backend_key_id), forgive, "{} is used again.")


@login_required
@require_POST
def backend_key_remove(request: HttpRequest, backend_id: int, backend_key_id: int) -> HttpResponse:
    def remove(backend: Backend, known: Shown) -> None:
        provider_keys.remove(backend, known)

    return _done(request, (backend_id, backend_key_id), remove, "{} is removed.")


def _done(
    request: HttpRequest,
    which: tuple[int, int],
    work: Callable[[Backend, Shown], Any],
    words: str,
) -> HttpResponse:
    with transaction.atomic():
        backend = _locked(request, which[0])
        known = provider_keys.find(backend, which[1])
        if known is None:
            raise Http404
        _record(request, backend, known, work(backend, known))
    messages.success(request, words.format(known.label).capitalize())
    return redirect("backend", backend.pk)


def _locked(request: HttpRequest, backend_id: int) -> Backend:
    """All teams share the backends, so whoever operates this KORA keeps their keys."""
    if not actor_of(request).operates:
        raise PermissionDenied
    return get_object_or_404(Backend.objects.select_for_update(), pk=backend_id)


def _record(
    request: HttpRequest, backend: Backend, before: Shown | None, after: Shown | None
) -> None:
    told = [each.facts() if each else {} for each in (before, after)]
    audit.record(actor_of(request), "keys", backend, before=told[0], after=told[1])
