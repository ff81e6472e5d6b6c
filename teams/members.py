"""Who belongs to a team: invite, change a role, remove; a team always keeps an owner."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from django.db import transaction

from teams.errors import LastOwner
from teams.models import Member, Membership, Role, Team

PASSWORD_BYTES = 15


class Invited(NamedTuple):
    """A membership, and the only sight of the new member's password (empty for one known)."""

    membership: Membership
    password: str


def invite(team: Team, email: str, *, role: str, name: str = "") -> Invited:
    """A person who already logs in here keeps their password and name."""
    with transaction.atomic():
        member = Member.objects.filter(email__iexact=email.strip()).first()
        password = "" if member else secrets.token_urlsafe(PASSWORD_BYTES)
        if member is None:
            member = Member.objects.create_user(email, password, name=name)
        return Invited(Membership.objects.create(member=member, team=team, role=role), password)


def change_role(held: Membership, role: str) -> Membership:
    with transaction.atomic():
        if role != Role.OWNER:
            _keep_an_owner(held)
        held.role = role
        held.save(update_fields=["role"])
    return held


def remove(held: Membership) -> None:
    with transaction.atomic():
        _keep_an_owner(held)
        held.delete()


def _keep_an_owner(leaving: Membership) -> None:
    """The team's row is the lock: two owners who remove each other at once do not both succeed."""
    Team.objects.select_for_update().get(pk=leaving.team_id)
    others = Membership.objects.exclude(pk=leaving.pk)
    left = others.filter(team_id=leaving.team_id, role=Role.OWNER, member__is_active=True)
    now = Membership.objects.values_list("role", flat=True).get(pk=leaving.pk)
    if now == Role.OWNER and not left.exists():
        raise LastOwner
