"""Who looks at the console's routing pages in tests, and what they read there."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client

from teams.models import Member, Membership, Organisation, Team


def team(name: str = "red") -> Team:
    organisation, _ = Organisation.objects.get_or_create(name="Acme")
    return Team.objects.create(organisation=organisation, name=name)


def speaking_as(team: Team, role: str) -> Client:
    member = Member.objects.create_user(f"{role}@{team.name}.test")
    Membership.objects.create(member=member, team=team, role=role)
    return logged_in(member)


def operator() -> Client:
    return logged_in(Member.objects.create_superuser("operator@kora.test", "long enough"))


def logged_in(member: Member) -> Client:
    client = Client()
    client.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    return client


def words(answer: Any) -> str:
    """The page as it is read: no tags, one space between words."""
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", text)


def hidden(answer: Any, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', answer.content.decode())
    assert found is not None, name
    return found[1].replace("&quot;", '"')
