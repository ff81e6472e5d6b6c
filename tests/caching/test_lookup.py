"""Stored answers against a real Postgres: whose they are, how long they hold, which one counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest

from analytics.lookup import Connection
from caching import lookup, matching
from caching.models import Entry
from caching.values import Asked, Fresh, Match, NoMatch
from tests.analytics import books
from tests.analytics.books import Book


@pytest.fixture
def connection(transactional_db: None) -> Iterator[Connection]:
    with books.connect() as opened:
        yield opened


@pytest.fixture
def team_id(transactional_db: None) -> int:
    return Book.open().team.pk


def fresh(team_id: int, answer: bytes = b'{"a":1}', **facts: float) -> Fresh:
    plain = Fresh(
        team_id=team_id, fingerprint="f", model_asked="auto", backend="toy", question="q",
        answer=answer, chunks=None, prompt_tokens=3, completion_tokens=2,
        cost=Decimal("0.000000000001"), exchange_id=uuid4(), ttl_s=60,
    )  # fmt: skip
    return replace(plain, **facts)  # type: ignore[arg-type]


def asked(team_id: int, fingerprint: str = "f", max_age_s: float | None = None) -> Asked:
    return Asked(team_id=team_id, fingerprint=fingerprint, max_age_s=max_age_s)


def found(connection: Connection, wanted: Asked) -> Match:
    match = matching.exact(connection, wanted)
    assert isinstance(match, Match)
    return match


def missed(connection: Connection, wanted: Asked) -> str:
    match = matching.exact(connection, wanted)
    assert isinstance(match, NoMatch)
    return match.reason


def test_a_stored_answer_is_found_as_it_was(connection: Connection, team_id: int) -> None:
    stored = replace(fresh(team_id), chunks=b"[]")
    matching.remember(connection, stored)
    match = found(connection, asked(team_id))
    assert (match.answer, match.chunks, match.cost) == (stored.answer, b"[]", stored.cost)
    assert (match.backend, match.tier, match.exchange_id) == ("toy", "exact", stored.exchange_id)
    assert (match.prompt_tokens, match.completion_tokens) == (3, 2)
    assert match.age_s >= 0


def test_another_team_never_gets_it(connection: Connection, team_id: int) -> None:
    other = Book.open().team.pk
    matching.remember(connection, fresh(team_id, b"ours"))
    assert missed(connection, asked(other)) == "nothing-stored"
    matching.remember(connection, fresh(other, b"theirs"))
    assert found(connection, asked(team_id)).answer == b"ours"
    assert found(connection, asked(other)).answer == b"theirs"


def test_another_question_does_not_get_it(connection: Connection, team_id: int) -> None:
    matching.remember(connection, fresh(team_id))
    assert missed(connection, asked(team_id, "g")) == "nothing-stored"


def test_an_expired_answer_is_gone_before_it_is_swept(connection: Connection, team_id: int) -> None:
    matching.remember(connection, fresh(team_id, ttl_s=0))
    assert missed(connection, asked(team_id)) == "nothing-stored"
    assert Entry.objects.count() == 1
    matching.remember(connection, replace(fresh(team_id), fingerprint="kept"))
    assert lookup.forget_expired(connection, at_most=10) == 1
    assert Entry.objects.get().fingerprint == "kept"


def test_a_quarantined_answer_is_not_served(connection: Connection, team_id: int) -> None:
    matching.remember(connection, fresh(team_id))
    connection.execute("UPDATE caching_entry SET quarantined_at = now()")
    assert missed(connection, asked(team_id)) == "nothing-stored"
    matching.remember(connection, fresh(team_id, b"new"))
    assert found(connection, asked(team_id)).answer == b"new"


def test_one_that_is_older_than_wanted_is_too_old(connection: Connection, team_id: int) -> None:
    matching.remember(connection, fresh(team_id))
    connection.execute("UPDATE caching_entry SET created_at = now() - interval '30 seconds'")
    assert missed(connection, asked(team_id, max_age_s=29)) == "too-old"
    assert found(connection, asked(team_id, max_age_s=31)).age_s >= 30


def test_the_newest_answer_counts_and_its_age_begins_anew(
    connection: Connection, team_id: int
) -> None:
    matching.remember(connection, fresh(team_id, b"old", ttl_s=1))
    connection.execute("UPDATE caching_entry SET created_at = now() - interval '30 seconds'")
    matching.remember(connection, fresh(team_id, b"new"))
    match = found(connection, asked(team_id, max_age_s=20))
    assert match.answer == b"new"
    assert Entry.objects.count() == 1


def test_a_team_that_goes_takes_its_answers_along(connection: Connection) -> None:
    team = Book.open().team
    matching.remember(connection, fresh(team.pk))
    team.delete()
    assert not Entry.objects.exists()
