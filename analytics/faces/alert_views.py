"""The console's page about alerts: what was raised and delivered, and the channels it goes by."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from analytics import scoping
from analytics.alerts import raising
from analytics.alerts.serializers import ChannelSerializer, veiled
from analytics.faces.budget_views import form_page
from analytics.faces.channel_forms import ChannelForm
from analytics.models import Alert, Budget, Channel
from teams import audit, page_writes
from teams.access import KEEPERS, actor_of
from teams.errors import Refused
from teams.page_writes import Seen

PAGE = 50


@login_required
@require_safe
def alerts(request: HttpRequest) -> HttpResponse:
    asked = request.GET.dict()
    rows = _narrowed(scoping.alerts(actor_of(request), Alert.objects.order_by("-id")), asked)
    page = list(rows.select_related("team")[: PAGE + 1])
    shown: dict[str, Any] = {
        "rows": page[:PAGE],
        "known": _still_there(page),
        "older": page[PAGE - 1].pk if len(page) > PAGE else "",
        "asked": asked,
        "filtered": any(asked.get(name) for name in ("kind", "open", "team")),
        "kinds": (*raising.KINDS, raising.TEST),
    }
    if request.htmx and request.htmx.target == "rows":  # type: ignore[attr-defined]
        return render(request, "analytics/alerts.html#rows", shown)
    shown |= {"channels": _shown(request), "may_write": _writes(request)}
    return render(request, "analytics/alerts.html", shown)


@login_required
@never_cache
@form_page
def channel_new(request: HttpRequest) -> HttpResponse:
    if not _writes(request):
        raise PermissionDenied
    given = request.POST if request.method == "POST" else None
    form = ChannelForm.for_new(actor_of(request), given)
    if given is not None and form.is_valid():
        with page_writes.judged(form):
            made = page_writes.create(request, ChannelSerializer, form.said())
            messages.success(request, f"“{made.name}” is made. Test it before you rely on it.")
            return redirect("alerts")
    return render(request, "analytics/channel_new.html", {"form": form})


@login_required
@require_POST
def channel_move(request: HttpRequest, channel_id: int, move: str) -> HttpResponse:
    """`test`, `switch` or `remove`."""
    rows = Channel.objects.select_related("team")
    row = get_object_or_404(_mine(request, rows), pk=channel_id)
    if not actor_of(request).may(KEEPERS, row.team_id):
        raise PermissionDenied
    try:
        messages.success(request, MOVES[move](request, row))
    except Refused as error:
        messages.error(request, " ".join(words for said in error.errors.values() for words in said))
    return redirect("alerts")


def _test(request: HttpRequest, row: Channel) -> str:
    with transaction.atomic():
        raising.try_out(row, actor_of(request).name)
        audit.record(actor_of(request), "test", row)
    return f"On its way to “{row.name}”; how it went stands below within seconds."


def _switch(request: HttpRequest, row: Channel) -> str:
    said = {"enabled": not row.enabled}
    page_writes.update(request, ChannelSerializer, Seen(row=row, mark=""), said)
    return f"“{row.name}” is {'on' if said['enabled'] else 'off'}."


def _remove(request: HttpRequest, row: Channel) -> str:
    page_writes.remove(request, row)
    return f"“{row.name}” is removed."


MOVES = {"test": _test, "switch": _switch, "remove": _remove}


def _still_there(rows: list[Alert]) -> set[int]:
    """Of the budgets that these alerts are about; one that was removed has no page."""
    named = [row.body["budget_id"] for row in rows if "budget_id" in row.body]
    return set(Budget.objects.filter(pk__in=named).values_list("pk", flat=True))


def _narrowed(rows: QuerySet[Alert], asked: dict[str, str]) -> QuerySet[Alert]:
    if asked.get("team"):
        rows = rows.filter(team__name=asked["team"])
    if asked.get("kind"):
        rows = rows.filter(kind=asked["kind"])
    if asked.get("open"):
        rows = rows.filter(resolved_at=None)
    cursor = asked.get("cursor", "")
    older = cursor.isascii() and cursor.isdigit() and len(cursor) < 19
    return rows.filter(pk__lt=int(cursor)) if older else rows


def _shown(request: HttpRequest) -> list[tuple[Channel, str, bool]]:
    """With the address as this person may see it, and whether they may write there."""
    actor = actor_of(request)
    rows = _mine(request, Channel.objects.select_related("team"))
    if team := request.GET.get("team"):
        rows = rows.filter(team__name=team)
    mine = [(row, actor.may(KEEPERS, row.team_id)) for row in rows]
    return [(row, row.address if may else veiled(row), may) for row, may in mine]


def _mine(request: HttpRequest, rows: QuerySet[Channel]) -> QuerySet[Channel]:
    actor = actor_of(request)
    return rows if actor.operates else rows.filter(team_id__in=actor.team_ids)


def _writes(request: HttpRequest) -> bool:
    return actor_of(request).may_somewhere(KEEPERS)
