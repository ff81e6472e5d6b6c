"""Groups of teams that may serve each other's answers: made, joined by both sides, left.

A team is served a group's answers when somebody of the group has invited it and an owner of its own
has accepted. What it asks itself is kept for the group only while its owner says that it gives.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from caching import scopes
from caching.errors import Unfit
from caching.models import Entry, EntryVector, SharedGroup, Sharing
from teams import audit
from teams.access import OPERATORS, OWNERS
from teams.models import Organisation, Team
from teams.values import Actor

NOT_INVITED = "Nobody has invited {team} into {group}."
STRANGER = "Only operators, and owners of a team in the group, may do that."
NOT_OWNER = "Only an owner of {team} may do that."


def create(
    actor: Actor, name: str, organisation: Organisation, founder: Team | None = None
) -> SharedGroup:
    """By an operator, or by an owner of the team that founds it and is its first member."""
    writers = OWNERS if founder else OPERATORS
    if not actor.may(writers, founder.pk if founder else None):
        raise Unfit(STRANGER)
    if founder is not None and founder.organisation_id != organisation.pk:
        raise Unfit(f"{founder} belongs to another organisation.")
    try:
        with transaction.atomic():
            validate_slug(name)
            group = SharedGroup.objects.create(organisation=organisation, name=name)
            audit.record(actor, "create", group, after=audit.facts_of(group))
            if founder is not None:
                _change(actor, "join", _part(group, founder), invited=True, accepted=True)
    except ValidationError as error:
        raise Unfit("A name has letters, digits, - and _ only.", field="name") from error
    except IntegrityError as error:
        raise Unfit(f"{organisation} has a group {name} already.", field="name") from error
    return group


def invite(actor: Actor, group: SharedGroup, team: Team) -> Sharing:
    _must_be_inside(actor, group)
    if team.organisation_id != group.organisation_id:
        raise Unfit(f"{team} belongs to another organisation.", field="team")
    with transaction.atomic():
        part = _part(group, team)
        if part.invited_at and part.accepted_at:
            raise Unfit(f"{team} takes part in {group} already.", field="team")
        return _change(actor, "invite", part, invited=True)


def accept(actor: Actor, group: SharedGroup, team: Team) -> Sharing:
    """From now on the team is served what the group holds; it gives nothing yet."""
    _must_own(actor, team)
    with transaction.atomic():
        part = _part(group, team)
        if part.invited_at is None:
            raise Unfit(NOT_INVITED.format(team=team, group=group))
        return _change(actor, "accept", part, accepted=True)


def give(actor: Actor, group: SharedGroup, team: Team) -> Sharing:
    """What it asks from now on is kept for the group; an answer is kept in one place."""
    _must_own(actor, team)
    with transaction.atomic():
        part = _part(group, team)
        if part.accepted_at is None or part.invited_at is None:
            raise Unfit(f"{team} takes no part in {group}.")
        for other in (
            _parts(team).select_for_update(of=("self",)).filter(gives=True).exclude(pk=part.pk)
        ):
            _change(actor, "keep", other, gives=False)
        return _change(actor, "give", part, gives=True)


def keep(actor: Actor, group: SharedGroup, team: Team) -> Sharing:
    """What it asks from now on stays its own; what it gave stays with the group until it leaves."""
    _must_own(actor, team)
    with transaction.atomic():
        return _change(actor, "keep", _part(group, team), gives=False)


def leave(actor: Actor, group: SharedGroup, team: Team) -> int:
    """An owner takes his team out, an invitation included; how many answers came home with it."""
    _must_own(actor, team)
    with transaction.atomic():
        return _end(actor, "leave", _part(group, team))


def withdraw(actor: Actor, group: SharedGroup, team: Team) -> int:
    """The group's side ends it; the team's answers go home with it too."""
    _must_be_inside(actor, group)
    with transaction.atomic():
        return _end(actor, "withdraw", _part(group, team))


def dissolve(actor: Actor, group: SharedGroup) -> int:
    """Ends every part in it; all that was given goes home."""
    if not actor.operates:
        raise Unfit("Only operators may dissolve a group.")
    with transaction.atomic():
        parts = Sharing.objects.select_for_update().filter(group=group).select_related("team")
        home = sum(_end(actor, "withdraw", part) for part in parts)
        audit.record(actor, "delete", group, before=audit.facts_of(group))
        group.delete()
    return home


def scopes_of(team: Team) -> tuple[str, ...]:
    """Whose answers the team may be served at this moment."""
    parts = _parts(team).filter(invited_at__isnull=False, accepted_at__isnull=False)
    return scopes.read(
        team.pk, tuple(parts.order_by("group_id").values_list("group_id", flat=True))
    )


def _parts(team: Team) -> QuerySet[Sharing]:
    return Sharing.objects.select_related("group", "team").filter(team=team)


def _part(group: SharedGroup, team: Team) -> Sharing:
    """The row, locked; an empty one where there is none yet."""
    Sharing.objects.get_or_create(group=group, team=team)
    return (
        Sharing.objects.select_for_update()
        .select_related("group", "team")
        .get(group=group, team=team)
    )


def _change(
    actor: Actor,
    action: str,
    part: Sharing,
    *,
    invited: bool = False,
    accepted: bool = False,
    gives: bool | None = None,
) -> Sharing:
    """Asked for again, it changes nothing, and the audit row has an empty difference."""
    before, now = facts_of(part), datetime.now(UTC)
    part.invited_at = part.invited_at or (now if invited else None)
    part.accepted_at = part.accepted_at or (now if accepted else None)
    part.gives = part.gives if gives is None else gives
    part.save(update_fields=["invited_at", "accepted_at", "gives"])
    audit.record(actor, action, part, before=before, after=facts_of(part))
    return part


def _end(actor: Actor, action: str, part: Sharing) -> int:
    if part.invited_at is None:
        raise Unfit(f"{part.team} takes no part in {part.group}.")
    home = _bring_home(part)
    before = facts_of(part)
    audit.record(actor, action, part, before=before, after={"answers_brought_home": home})
    part.delete()
    return home


def _bring_home(part: Sharing) -> int:
    """The scope stands in every query, so nobody else is served them from this commit on. Their
    vectors lie in the group's partition; the background worker makes new ones at home."""
    given = Entry.objects.filter(team=part.team, scope=scopes.of_group(part.group_id))
    EntryVector.objects.filter(entry__in=given).delete()
    return given.update(scope=scopes.of_team(part.team_id))


def facts_of(part: Sharing) -> dict[str, Any]:
    def moment(at: datetime | None) -> str | None:
        return at.isoformat() if at else None

    return {
        "group": part.group.name,
        "team": part.team.name,
        "invited_at": moment(part.invited_at),
        "accepted_at": moment(part.accepted_at),
        "gives": part.gives,
    }


def _must_own(actor: Actor, team: Team) -> None:
    if not actor.may(OWNERS, team.pk):
        raise Unfit(NOT_OWNER.format(team=team))


def _must_be_inside(actor: Actor, group: SharedGroup) -> None:
    """One team's word opens a group for another; the other's own owner has to say yes as well."""
    inside = Sharing.objects.filter(group=group, accepted_at__isnull=False)
    teams = inside.filter(invited_at__isnull=False).values_list("team_id", flat=True)
    if not actor.operates and not any(actor.may(OWNERS, team_id) for team_id in teams):
        raise Unfit(STRANGER)
