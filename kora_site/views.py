"""The console's first page: what KORA did lately, and what to do first."""

from __future__ import annotations

from datetime import UTC, datetime

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from analytics import browsing, figures
from analytics.views import seen_by
from kora_site import beginnings


@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    rows = seen_by(request)
    span = figures.SPANS.get(request.GET.get("range", ""), figures.SPANS["24h"])
    shown = {
        "span": span,
        "spans": figures.SPANS.values(),
        "overview": figures.overview(rows, span=span, now=datetime.now(UTC)),
        "recent": browsing.page(rows, "").rows[:8],
    }
    if request.htmx and request.htmx.target == "live":  # type: ignore[attr-defined]
        return render(request, "overview.html#live", shown)
    base = f"{request.scheme}://{request.get_host()}"
    shown |= {"steps": beginnings.steps(request), "snippets": beginnings.snippets(base)}
    return render(request, "overview.html", shown)
