"""Whose rules and policies a request is about: a team's, or everyone's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q, QuerySet
from django.http import Http404
from rest_framework.exceptions import PermissionDenied, ValidationError

from teams import access
from teams.access import actor_of
from teams.models import Team

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.viewsets import GenericViewSet

    from teams.values import Actor

    _AnyView = GenericViewSet[Any]
else:
    _AnyView = object


class OfMyScopes(_AnyView):
    """A team sees its own and everyone's, because those decide its requests as well."""

    def get_queryset(self) -> QuerySet[Any]:
        return visible(actor_of(self.request), super().get_queryset())


def visible(actor: Actor, rows: QuerySet[Any]) -> QuerySet[Any]:
    if actor.operates:
        return rows
    return rows.filter(Q(team_id=None) | Q(team_id__in=actor.team_ids))


def asked(request: Request) -> Team | None:
    """`?team=` by name, `?everyone=true`, or the only team of whoever asks."""
    if request.query_params.get("everyone", "").lower() == "true":
        return None
    return team_named(actor_of(request), request.query_params.get("team", ""))


def team_named(actor: Actor, name: str) -> Team:
    """One that the actor sees; without a name, the only one they are in."""
    seen = Team.objects.all() if actor.operates else Team.objects.filter(pk__in=actor.team_ids)
    if name:
        found = seen.filter(name=name).first()
        if found is None:
            raise Http404
        return found
    mine = list(Team.objects.filter(pk__in=actor.team_ids)[:2])
    if len(mine) != 1:
        raise ValidationError({"team": ["Say which team."]})
    return mine[0]


def require(request: Request, team_id: int | None) -> None:
    """A team's engineers and owners write there; everyone's is the operator's."""
    if not actor_of(request).may(access.WRITERS, team_id):
        raise PermissionDenied("Your role does not allow this.")
