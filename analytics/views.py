"""The console's pages about requests: the list, and one receipt."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from analytics import booked, browsing, charts, figures, receipts
from analytics.models import Exchange, ExchangeState, LedgerRow, Price
from teams.access import actor_of
from teams.models import ApiKey


@login_required
@require_safe
def requests(request: HttpRequest) -> HttpResponse:
    asked = request.GET.dict()
    rows = browsing.narrowed(seen_by(request), asked)
    page = browsing.page(rows, asked.get("cursor", ""))
    live = bool(asked.get("live")) and not asked.get("cursor")
    shown = {"page": page, "live": live, "asked": asked, "filtered": _is_filtered(asked)}
    if request.htmx and request.htmx.target == "rows":  # type: ignore[attr-defined]
        return render(request, "analytics/requests.html#rows", shown)
    return render(request, "analytics/requests.html", shown | _choices(request))


@login_required
@require_safe
def receipt(request: HttpRequest, exchange_id: uuid.UUID) -> HttpResponse:
    exchange = seen_by(request).filter(id=exchange_id).first()
    if exchange is None:
        raise Http404
    exchange.receipt = booked.receipt(exchange)
    rows = list(LedgerRow.objects.filter(exchange_id=exchange.id).order_by("id"))
    shown = {
        "exchange": exchange,
        "story": receipts.story(exchange),
        "ledger": rows,
        "computed": any(row.compute_s for row in rows),
        "tries": exchange.tries.order_by("number"),
        "curl": receipts.as_curl(exchange, f"{request.scheme}://{request.get_host()}"),
    }
    return render(request, "analytics/receipt.html", shown)


def seen_by(request: HttpRequest) -> QuerySet[Exchange]:
    """The requests that the person asking may see, of the team chosen in the address."""
    actor = actor_of(request)
    teams = None if actor.operates else actor.team_ids
    return figures.seen(teams, request.GET.get("team", ""))


FILTERS = ("team", "key", "tier", "backend", "state", "model", "q")


def _is_filtered(asked: dict[str, str]) -> bool:
    return any(asked.get(name) for name in FILTERS)


def _choices(request: HttpRequest) -> dict[str, object]:
    actor = actor_of(request)
    keys = (
        ApiKey.objects.all()
        if actor.operates
        else ApiKey.objects.filter(team_id__in=actor.team_ids)
    )
    return {
        "tiers": (*charts.TIERS, charts.JUDGE, charts.UNANSWERED),
        "states": ExchangeState.values,
        "keys": keys.order_by("name").values_list("name", flat=True).distinct()[:200],
        "backends": Price.objects.order_by("backend").values_list("backend", flat=True).distinct(),
    }
