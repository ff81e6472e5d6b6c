"""Which answers go when a team has too many, and which never do."""

from __future__ import annotations

from typing import Any

import pytest

from caching import eviction
from caching.models import CacheTerms, Entry
from caching.vectors.index import Connection
from tests.analytics import books
from tests.analytics.books import Book
from tests.caching import shelves

NOW, LONG_AGO = "2026-01-01T00:00Z", "2020-01-01T00:00Z"


def budget(team_id: int, **words: int) -> None:
    CacheTerms.objects.create(team_id=team_id, **words)


def test_inside_its_budget_nothing_goes(connection: Connection, team_id: int) -> None:
    shelves.entries(connection, team_id, 10)
    budget(team_id, rows=10)
    assert eviction.keep_budgets(connection) == 0


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"cost": 2}, {"cost": 1}),
        ({"cost": 0, "latency_ms": 9000}, {"cost": 0, "latency_ms": 90}),
        ({"hits": 9}, {"hits": 0}),
        ({"hits": 9}, {"hits": 9, "last_hit_at": LONG_AGO}),
        ({}, {"created_at": LONG_AGO}),
        ({"rights": 9}, {"wrongs": 9}),
        ({"hits": 0}, {"hits": 999, "quarantined_at": NOW}),
        ({"hits": 0}, {"hits": 999, "expires_at": LONG_AGO}),
        ({"quarantined_at": NOW}, {"expires_at": LONG_AGO}),
        ({"pinned_at": NOW, "cost": 0}, {"cost": 99, "hits": 99}),
    ],
)
def test_the_least_saving_goes(
    connection: Connection, team_id: int, better: dict[str, Any], worse: dict[str, Any]
) -> None:
    stays, goes = shelves.entries(connection, team_id, 2)
    Entry.objects.filter(pk=stays).update(**better)
    Entry.objects.filter(pk=goes).update(**worse)
    budget(team_id, rows=1)
    assert eviction.evict(connection, eviction.Excess(team_id=team_id, rows=1, bytes=0)) == 1
    assert Entry.objects.get().pk == stays


def test_bytes_count_as_well(connection: Connection, team_id: int) -> None:
    ids = shelves.entries(connection, team_id, 10)
    Entry.objects.update(bytes=1000)
    Entry.objects.filter(pk__in=ids[:2]).update(cost=0)
    budget(team_id, bytes=8_500)
    assert eviction.keep_budgets(connection) == 2
    assert not Entry.objects.filter(pk__in=ids[:2]).exists()


def test_pinned_ones_stay_even_over_budget(connection: Connection, team_id: int) -> None:
    shelves.entries(connection, team_id, 5)
    Entry.objects.update(pinned_at=NOW)
    budget(team_id, rows=1)
    assert eviction.keep_budgets(connection) == 0


def test_each_team_has_its_own_budget(connection: Connection, team_id: int) -> None:
    other = Book.open().team.pk
    for each in (team_id, other):
        shelves.entries(connection, each, 20)
    budget(team_id, rows=10)
    eviction.keep_budgets(connection)
    assert Entry.objects.filter(team_id=other).count() == 20
    assert Entry.objects.filter(team_id=team_id).count() <= 10


def test_many_go_in_batches(
    connection: Connection, team_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eviction, "BATCH", 7)
    shelves.entries(connection, team_id, 50)
    budget(team_id, rows=20)
    assert eviction.keep_budgets(connection) == 31
    assert eviction.keep_budgets(connection) == 0


def test_what_another_process_holds_is_passed_over(connection: Connection, team_id: int) -> None:
    held, *_ = shelves.entries(connection, team_id, 3)
    with books.connect() as other, other.transaction():
        other.execute("SELECT 1 FROM caching_entry WHERE id = %s FOR UPDATE", (held,))
        excess = eviction.Excess(team_id=team_id, rows=1, bytes=0)
        assert eviction.evict(connection, excess) in (0, 1)
    assert Entry.objects.filter(pk=held).exists()
