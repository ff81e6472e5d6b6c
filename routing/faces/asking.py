"""Whose rules and policies a page is about, and whether who asks may change them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import urlencode

from caching.faces import asking as answers
from routing.faces import scoping
from teams.access import WRITERS, actor_of
from teams.models import Team

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

EVERYONE = "everyone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """A team's rules, or everyone's, which come first and are the operator's to write."""

    team: Team | None
    may_write: bool

    @property
    def team_id(self) -> int | None:
        return self.team.pk if self.team else None

    @property
    def name(self) -> str:
        return self.team.name if self.team else EVERYONE

    @property
    def query(self) -> dict[str, str]:
        return {"team": self.team.name} if self.team else {EVERYONE: "true"}

    @property
    def tail(self) -> str:
        """Behind an address, what keeps it about this scope."""
        return f"?{urlencode(self.query)}"

    def at(self, page: str, *args: Any) -> str:
        """The address of a page, about this scope."""
        return reverse(page, args=args, query=self.query)


def scope(request: HttpRequest) -> Scope:
    """Everyone's if the address says so, else the team's that it names, else the first team's."""
    wants_all = request.GET.get(EVERYONE, "").lower() == "true"
    return scope_of(request, None if wants_all else answers.team(request))


def scope_of(request: HttpRequest, team: Team | None) -> Scope:
    actor = actor_of(request)
    return Scope(team=team, may_write=actor.may(WRITERS, team.pk if team else None))


def written(request: HttpRequest) -> Scope:
    """The scope of the address, for whoever may write there."""
    found = scope(request)
    require_writer(found)
    return found


def require_writer(found: Scope) -> None:
    if not found.may_write:
        raise PermissionDenied


def teams(request: HttpRequest) -> QuerySet[Team]:
    return answers.teams(request)


def own_team(request: HttpRequest) -> Scope:
    """For pages about one team: experiments, intents, what was learned."""
    return scope_of(request, answers.team(request))


def one(request: HttpRequest, rows: QuerySet[Any], pk: int) -> Any:
    """Of the teams that the person sees, or of everyone's; others are not found."""
    return get_object_or_404(scoping.visible(actor_of(request), rows), pk=pk)
