"""Two teams, a member for each role, an operator, and clients that speak as them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from teams import keys
from teams.models import Member, Membership, Organisation, Role, Scope, Team

PASSWORD = "correct horse battery"

Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    keys.forget_all()
    keys.trust_until(0)
    yield
    keys.forget_all()
    keys.trust_until(0)


@pytest.fixture
def organisation(db: None) -> Organisation:
    return Organisation.objects.create(name="Acme")


@pytest.fixture
def red(organisation: Organisation) -> Team:
    return Team.objects.create(organisation=organisation, name="red")


@pytest.fixture
def blue(organisation: Organisation) -> Team:
    return Team.objects.create(organisation=organisation, name="blue")


def member_of(team: Team, role: str) -> Member:
    person = Member.objects.create_user(f"{role}@{team.name}.test", PASSWORD)
    Membership.objects.create(member=person, team=team, role=role)
    return person


def operator() -> Member:
    return Member.objects.create_superuser("operator@kora.test", PASSWORD)


def as_member(member: Member) -> APIClient:
    client = APIClient()
    client.force_login(member)
    return client


def as_key(team: Team, *scopes: str) -> APIClient:
    client = APIClient()
    text = keys.issue(team, name="test", scopes=list(scopes)).text
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


@pytest.fixture
def owner(red: Team) -> APIClient:
    return as_member(member_of(red, Role.OWNER))


@pytest.fixture
def operating(red: Team) -> APIClient:
    return as_key(red, Scope.MANAGE, Scope.OPERATE)


@pytest.fixture
def browser() -> Client:
    return Client()
