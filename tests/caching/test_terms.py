"""What a team has set, as a process remembers it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from caching import scopes, terms
from caching.models import CacheTerms, SharedGroup, Sharing
from caching.values import Terms
from teams.models import Organisation, Team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    organisation = Organisation.objects.create(name="Acme")
    return Team.objects.create(organisation=organisation, name="red")


def test_who_has_set_nothing_has_the_defaults(team: Team) -> None:
    assert team.pk not in terms.load()
    assert terms.UNSET.at("auto") == Terms()


def test_a_route_may_differ_but_not_in_whose_answers_they_are(team: Team) -> None:
    routes = {"auto:best": {"epsilon": 0.01}, "auto:fast": {"epsilon": 0.2, "scope": "user"}}
    CacheTerms.objects.create(team=team, epsilon=0.05, routes=routes)
    agreed = terms.load()[team.pk]
    best = agreed.at("auto:best")
    assert (agreed.at("auto").epsilon, best.epsilon) == (0.05, 0.01)
    assert (best.shadow_usd_a_day, best.scope) == (Decimal("0.5"), "team")
    assert agreed.at("auto:fast") == agreed.terms


def test_a_group_counts_when_both_sides_have_agreed(team: Team) -> None:
    now = timezone.now()
    groups = [
        SharedGroup.objects.create(organisation=team.organisation, name=name) for name in "abc"
    ]
    Sharing.objects.create(group=groups[0], team=team, invited_at=now)
    Sharing.objects.create(group=groups[1], team=team, invited_at=now, accepted_at=now)
    Sharing.objects.create(group=groups[2], team=team, invited_at=now, accepted_at=now, gives=True)
    agreed = terms.load()[team.pk]
    assert agreed.groups == (groups[1].pk, groups[2].pk)
    assert scopes.written(team.pk, agreed.gives_to) == f"g:{groups[2].pk}"
    assert scopes.read(team.pk, agreed.groups) == (
        f"t:{team.pk}",
        f"g:{groups[1].pk}",
        f"g:{groups[2].pk}",
    )


def test_whose_words_they_are(team: Team) -> None:
    assert scopes.is_own(scopes.of_team(7), 7)
    assert scopes.is_own(scopes.of_user(7, "ada"), 7)
    assert not scopes.is_own(scopes.of_user(77, "ada"), 7)
    assert not scopes.is_own(scopes.of_group(7), 7)
    assert not scopes.is_own("", 7)
