"""Sharing between teams: only by both sides' word, over at once, and written down."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from analytics.lookup import Connection
from caching import matching, scopes, sharing, terms
from caching.errors import Unfit
from caching.models import Entry, EntryVector, Generation, SharedGroup, Sharing
from caching.values import Asked, Match
from teams.models import AuditRow, Organisation, Revision, Role, Team
from teams.values import Actor
from tests.analytics import books

OPERATOR = Actor(name="operator", operates=True)


@pytest.fixture
def connection(transactional_db: None) -> Iterator[Connection]:
    with books.connect() as opened:
        yield opened


@pytest.fixture
def acme(transactional_db: None) -> Organisation:
    return Organisation.objects.create(name="Acme")


@pytest.fixture
def red(acme: Organisation) -> Team:
    return Team.objects.create(organisation=acme, name="red")


@pytest.fixture
def blue(acme: Organisation) -> Team:
    return Team.objects.create(organisation=acme, name="blue")


def owner(team: Team, role: str = Role.OWNER) -> Actor:
    return Actor(name=f"{role} of {team}", roles={team.pk: role})


@pytest.fixture
def group(red: Team, acme: Organisation) -> SharedGroup:
    return sharing.create(owner(red), "support", acme, founder=red)


@pytest.fixture
def shared(group: SharedGroup, red: Team, blue: Team) -> SharedGroup:
    """Both take part, and red gives."""
    sharing.invite(owner(red), group, blue)
    sharing.accept(owner(blue), group, blue)
    sharing.give(owner(red), group, red)
    return group


def stored(team: Team, scope: str, fingerprint: str = "f") -> Entry:
    return Entry.objects.create(
        team=team, scope=scope, fingerprint=fingerprint, model_asked="auto", backend="toy",
        answer=b"{}", cost=Decimal(0), exchange_id=uuid4(),
        expires_at=datetime.now(UTC) + timedelta(days=1),
    )  # fmt: skip


def served(connection: Connection, team: Team) -> bool:
    asked = Asked(team_id=team.pk, fingerprint="f", scopes=sharing.scopes_of(team))
    return isinstance(matching.exact(connection, asked), Match)


def test_a_team_is_served_only_when_both_sides_have_said_yes(
    connection: Connection, group: SharedGroup, red: Team, blue: Team
) -> None:
    stored(red, scopes.of_group(group.pk))
    assert served(connection, red)
    with pytest.raises(Unfit, match="Nobody has invited blue"):
        sharing.accept(owner(blue), group, blue)
    assert not Sharing.objects.filter(team=blue).exists()
    sharing.invite(owner(red), group, blue)
    assert not served(connection, blue)
    sharing.accept(owner(blue), group, blue)
    assert served(connection, blue)


def test_the_web_processes_are_told_of_every_step(
    group: SharedGroup, red: Team, blue: Team
) -> None:
    Revision.objects.get_or_create(pk=1)  # a test that flushed its tables took it away

    def revision() -> int:
        return Revision.objects.get().number

    seen = [revision()]
    sharing.invite(owner(red), group, blue)
    seen.append(revision())
    sharing.accept(owner(blue), group, blue)
    seen.append(revision())
    assert terms.load()[blue.pk].groups == (group.pk,)
    sharing.leave(owner(blue), group, blue)
    seen.append(revision())
    assert seen == sorted(set(seen))
    assert blue.pk not in terms.load()


def test_taking_part_gives_nothing_until_the_owner_says_so(
    group: SharedGroup, red: Team, acme: Organisation
) -> None:
    assert terms.load()[red.pk].gives_to is None
    sharing.give(owner(red), group, red)
    assert terms.load()[red.pk].gives_to == group.pk
    second = sharing.create(owner(red), "sales", acme, founder=red)
    sharing.give(owner(red), second, red)
    assert terms.load()[red.pk].gives_to == second.pk
    sharing.keep(owner(red), second, red)
    assert terms.load()[red.pk].gives_to is None
    assert terms.load()[red.pk].groups == (group.pk, second.pk)


def test_who_leaves_is_served_nothing_and_takes_its_answers_home(
    connection: Connection, shared: SharedGroup, red: Team, blue: Team
) -> None:
    mine = stored(red, scopes.of_group(shared.pk))
    generation = Generation.objects.create(embedder="toy", dimensions=3)
    EntryVector.objects.create(
        entry=mine, generation=generation, partition=UUID(int=1), vector=[1, 0, 0]
    )
    assert served(connection, blue)
    assert sharing.leave(owner(red), shared, red) == 1
    assert served(connection, red)
    assert not served(connection, blue)
    assert not EntryVector.objects.exists()
    assert sharing.scopes_of(red) == (scopes.of_team(red.pk),)


def test_who_is_put_out_is_served_nothing(
    connection: Connection, shared: SharedGroup, red: Team, blue: Team
) -> None:
    stored(red, scopes.of_group(shared.pk))
    sharing.withdraw(owner(red), shared, blue)
    assert not served(connection, blue)
    assert served(connection, red)
    with pytest.raises(Unfit, match="Nobody has invited"):
        sharing.accept(owner(blue), shared, blue)


def test_the_end_of_a_group_brings_everything_home(
    connection: Connection, shared: SharedGroup, red: Team, blue: Team
) -> None:
    stored(red, scopes.of_group(shared.pk))
    assert sharing.dissolve(OPERATOR, shared) == 1
    assert served(connection, red)
    assert not served(connection, blue)
    assert not SharedGroup.objects.exists()


def test_only_those_who_may_do_it(
    group: SharedGroup, red: Team, blue: Team, acme: Organisation
) -> None:
    engineer, stranger = owner(red, Role.ENGINEER), owner(blue)
    with pytest.raises(Unfit, match="Only operators"):
        sharing.create(engineer, "x", acme, founder=red)
    with pytest.raises(Unfit, match="Only operators"):
        sharing.create(stranger, "x", acme)
    with pytest.raises(Unfit, match="Only operators"):
        sharing.invite(stranger, group, blue)
    sharing.invite(owner(red), group, blue)
    with pytest.raises(Unfit, match="Only operators"):
        sharing.invite(stranger, group, blue)
    for verb in (sharing.accept, sharing.give, sharing.leave):
        with pytest.raises(Unfit, match="Only an owner of blue"):
            verb(owner(red), group, blue)
    with pytest.raises(Unfit, match="Only operators may dissolve"):
        sharing.dissolve(owner(red), group)
    with pytest.raises(Unfit, match="takes no part"):
        sharing.give(stranger, group, blue)
    sharing.leave(stranger, group, blue)
    with pytest.raises(Unfit, match="takes no part"):
        sharing.leave(stranger, group, blue)


def test_no_group_reaches_into_another_organisation(group: SharedGroup, red: Team) -> None:
    elsewhere = Organisation.objects.create(name="Elsewhere")
    other = Team.objects.create(organisation=elsewhere, name="green")
    with pytest.raises(Unfit, match="another organisation"):
        sharing.invite(OPERATOR, group, other)
    with pytest.raises(Unfit, match="another organisation"):
        sharing.create(owner(other), "x", group.organisation, founder=other)


def test_who_takes_part_cannot_be_invited_again(shared: SharedGroup, red: Team, blue: Team) -> None:
    for inside in (red, blue):
        with pytest.raises(Unfit, match="already"):
            sharing.invite(owner(red), shared, inside)


def test_names_are_plain_and_taken_once(group: SharedGroup, acme: Organisation) -> None:
    with pytest.raises(Unfit, match="already"):
        sharing.create(OPERATOR, "support", acme)
    with pytest.raises(Unfit, match="letters"):
        sharing.create(OPERATOR, "a b", acme)


def test_every_step_is_in_the_audit_log(shared: SharedGroup, red: Team, blue: Team) -> None:
    sharing.leave(owner(blue), shared, blue)
    rows = AuditRow.objects.order_by("at").values_list("actor", "action", "team__name")
    assert list(rows) == [
        ("owner of red", "create", None),
        ("owner of red", "join", "red"),
        ("owner of red", "invite", "blue"),
        ("owner of blue", "accept", "blue"),
        ("owner of red", "give", "red"),
        ("owner of blue", "leave", "blue"),
    ]
