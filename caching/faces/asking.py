"""Whose answers a page is about, and whether who asks may change them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404

from caching.faces import browsing
from caching.models import Entry, Pattern
from teams.access import WRITERS, actor_of
from teams.models import Team

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


def entries(request: HttpRequest) -> QuerySet[Entry]:
    """The answers that the person asking may see, of the team chosen in the address."""
    return browsing.seen(_team_ids(request), request.GET.get("team", ""))


def patterns(request: HttpRequest) -> QuerySet[Pattern]:
    rows = Pattern.objects.select_related("team", "intent")
    team_ids, team = _team_ids(request), request.GET.get("team", "")
    rows = rows if team_ids is None else rows.filter(team_id__in=team_ids)
    return rows.filter(team__name=team) if team else rows


def teams(request: HttpRequest) -> QuerySet[Team]:
    team_ids = _team_ids(request)
    return Team.objects.all() if team_ids is None else Team.objects.filter(pk__in=team_ids)


def team(request: HttpRequest) -> Team:
    """The one named in the address, or else the first that the person sees."""
    name = request.GET.get("team", "")
    found = teams(request).filter(name=name) if name else teams(request)
    first = found.order_by("name").first()
    if first is None:
        raise Http404
    return first


def may_write(request: HttpRequest, team_id: int) -> bool:
    return actor_of(request).may(WRITERS, team_id)


def require_writer(request: HttpRequest, team_id: int) -> None:
    if not may_write(request, team_id):
        raise PermissionDenied


def own(request: HttpRequest, rows: QuerySet[Any], pk: int) -> Any:
    """A foreign thing is not found; one of a team where the role only reads is forbidden."""
    found = get_object_or_404(rows, pk=pk)
    require_writer(request, found.team_id)
    return found


def _team_ids(request: HttpRequest) -> Collection[int] | None:
    actor = actor_of(request)
    return None if actor.operates else actor.team_ids
