"""One side's word about a group, by name: what the page and the control plane both say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from caching import sharing
from caching.errors import Unfit
from caching.models import SharedGroup, Sharing
from teams.models import Team
from teams.values import Actor


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """`other` is the team that is invited or taken out."""

    word: str
    group: str
    other: str = ""


def say(actor: Actor, team: Team, said: Said) -> str:
    """What it came to, as a sentence; Unfit says why not."""
    if said.word == "create":
        sharing.create(actor, said.group, team.organisation, founder=team)
        return f"The group {said.group} is made; invite other teams into it."
    group = _group(team, said.group)
    if said.word in OF_OTHERS:
        verb, told = OF_OTHERS[said.word]
        verb(actor, group, _other(group, said.other))
        return told
    if said.word not in OF_ONES_OWN:
        raise Unfit("That is nothing that can be said of a group.", field="word")
    verb, told = OF_ONES_OWN[said.word]
    verb(actor, group, team)
    return told


Verb = Callable[[Actor, SharedGroup, Team], object]
OF_OTHERS: Mapping[str, tuple[Verb, str]] = {
    "invite": (sharing.invite, "Invited. An owner of that team has to accept."),
    "withdraw": (sharing.withdraw, "Taken out of the group, its own answers with it."),
}
OF_ONES_OWN: Mapping[str, tuple[Verb, str]] = {
    "accept": (sharing.accept, "Accepted: the group's answers may serve this team at once."),
    "give": (sharing.give, "What the team asks from now on is kept for the group."),
    "keep": (sharing.keep, "What the team asks from now on stays its own."),
    "leave": (sharing.leave, "Left. The team's own answers came home with it."),
}
WORDS = ("create", *OF_OTHERS, *OF_ONES_OWN)


def parts(team: Team) -> list[tuple[Sharing, list[Sharing]]]:
    """This team's parts, each with the others of its group."""
    mine = Sharing.objects.filter(team=team, invited_at__isnull=False).select_related("group")
    found = list(mine.order_by("group__name"))
    known = Sharing.objects.filter(
        group__in=[part.group_id for part in found], invited_at__isnull=False
    )
    others = list(known.exclude(team=team).select_related("team").order_by("team__name"))
    return [(part, [o for o in others if o.group_id == part.group_id]) for part in found]


def _group(team: Team, name: str) -> SharedGroup:
    """A group that this team is in, or invited into; of others it hears nothing."""
    invited = SharedGroup.objects.filter(
        sharings__team=team, sharings__invited_at__isnull=False, name=name
    )
    found = invited.first()
    if found is None:
        raise Unfit(f"{team} is in no group “{name}”, and invited into none.", field="group")
    return found


def _other(group: SharedGroup, name: str) -> Team:
    found = Team.objects.filter(organisation=group.organisation_id, name=name).first()
    if found is None:
        raise Unfit(f"The organisation has no team “{name}”.", field="other")
    return found
