"""Dropping many answers at once for somebody: whose, which, and one audit row that says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from rest_framework.exceptions import NotFound, ValidationError

from caching import invalidation
from caching.errors import Unfit
from caching.invalidation import Criteria, Found
from caching.models import Intent
from teams import audit
from teams.access import WRITERS, actor_of
from teams.models import Team
from teams.values import Actor

if TYPE_CHECKING:
    from rest_framework.request import Request


def team(request: Request, name: str) -> Team:
    """The one named, or the only one that may be written in."""
    actor = actor_of(request)
    seen = Team.objects.all() if actor.operates else Team.objects.filter(pk__in=actor.team_ids)
    if name:
        found = seen.filter(name=name).first()
        if found is None:
            raise NotFound
        if not actor.may(WRITERS, found.pk):
            raise PermissionDenied("Your role in this team does not allow this.")
        return found
    mine = [each for each in seen if actor.may(WRITERS, each.pk)]
    if len(mine) != 1:
        raise ValidationError({"team": ["Say which team."]})
    return mine[0]


def criteria(team: Team, asked: Mapping[str, Any]) -> Criteria:
    """An intent is named; the others are as they stand."""
    terms = {name: value for name, value in asked.items() if name != "intent"}
    if name := asked.get("intent"):
        known = Intent.objects.filter(team=team, name=name).values_list("pk", flat=True).first()
        if known is None:
            raise Unfit(f"No intent is called “{name}”.", field="intent")
        terms["intent"] = known
    return Criteria(**terms)


def look(team: Team, wanted: Criteria, as_of: str = "") -> Found:
    return invalidation.find([team.pk], wanted, invalidation.read_look(as_of) if as_of else None)


def sweep(actor: Actor, team: Team, said: Mapping[str, Any], found: Found) -> int:
    """How many of what was found are gone. The audit row comes first: dropping goes in batches of
    their own, and what a crash leaves half done must not be half done by nobody."""
    after = {"invalidated": found.count, **said, "as_of": str(found.as_of)}
    audit.record(actor, "invalidate", team, after=after)
    return invalidation.drop([team.pk], criteria(team, said), found.as_of)
