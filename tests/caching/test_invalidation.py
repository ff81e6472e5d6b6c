"""Answers that are dropped by what they have in common, and shown before."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models.functions import Now

from caching import invalidation
from caching.errors import Unfit
from caching.invalidation import Criteria
from caching.models import Entry, EntryVector, Generation, Intent
from caching.vectors.index import Connection
from tests.analytics.books import Book
from tests.caching import shelves


@pytest.fixture
def entry_id(connection: Connection, team_id: int) -> int:
    """The one that is meant, beside one that differs in everything."""
    generation = shelves.generation()
    other = shelves.fresh(team_id, "Where is it?", model_asked="auto:best", backend="b")
    shelves.remember(connection, other, shelves.vector(2), generation)
    meant = shelves.fresh(
        team_id, "How much is 100% (net)?", model_asked="auto:fast", tags={"app": "shop", "x": ""}
    )
    made = shelves.remember(connection, meant, shelves.vector(1), generation)
    intent = Intent.objects.create(
        team_id=team_id, name="prices", centre=[0.1] * 16, generation_id=generation
    )
    created = "2020-01-01T00:00Z"
    Entry.objects.filter(pk=made).update(intent=intent, created_at=created)
    return made


def criteria(name: str, value: Any, entry_id: int) -> Criteria:
    if name == "ids":
        value = [entry_id]
    if name == "intent":
        value = Entry.objects.get(pk=entry_id).intent_id
    return Criteria(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ids", ...),
        ("intent", ...),
        ("model", "auto:fast"),
        ("backend", "toy"),
        ("tag", "app=shop"),
        ("tag", "app"),
        ("tag", "x="),
        ("older_than_s", 3600.0),
        ("pattern", "how much is *"),
        ("pattern", "*100% (net)?"),
        ("pattern", "?ow much*"),
    ],
)
def test_what_is_named_is_found_and_dropped(
    team_id: int, entry_id: int, name: str, value: Any
) -> None:
    meant = criteria(name, value, entry_id)
    found = invalidation.find([team_id], meant)
    assert (found.count, [each.entry_id for each in found.sample]) == (1, [entry_id])
    assert found.bytes == Entry.objects.get(pk=entry_id).bytes > 0
    assert Entry.objects.count() == 2
    assert invalidation.drop([team_id], meant) == 1
    assert not Entry.objects.filter(pk=entry_id).exists()
    assert EntryVector.objects.count() == 1


@pytest.mark.parametrize("pattern", ["how much", "%", "how_much*", "(net)", ".*", "[a-z]*"])
def test_signs_of_other_languages_mean_themselves(
    team_id: int, entry_id: int, pattern: str
) -> None:
    assert invalidation.find([team_id], Criteria(pattern=pattern)).count == 0


def test_all_that_is_said_must_hold(team_id: int, entry_id: int) -> None:
    both = Criteria(model="auto:fast", backend="b")
    assert invalidation.drop([team_id], both) == 0


def test_another_team_keeps_its_own(entry_id: int) -> None:
    assert invalidation.drop([Book.open().team.pk], Criteria(pattern="*")) == 0
    assert Entry.objects.count() == 2


def test_nothing_said_means_nothing(team_id: int, entry_id: int) -> None:
    with pytest.raises(Unfit):
        invalidation.drop([team_id], Criteria())
    assert invalidation.drop([team_id], Criteria(pattern="*")) == 2


def test_no_ids_are_not_all_of_them(team_id: int, entry_id: int) -> None:
    with pytest.raises(Unfit):
        invalidation.drop([team_id], Criteria(ids=[]))
    assert Entry.objects.filter(pk=entry_id).exists()


def test_nothing_is_older_than_the_calendar(team_id: int, entry_id: int) -> None:
    assert invalidation.find([team_id], Criteria(older_than_s=1e300)).count == 0


def test_many_go_in_batches(
    connection: Connection, team_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invalidation, "BATCH", 7)
    shelves.entries(connection, team_id, 20)
    found = invalidation.find([team_id], Criteria(pattern="question*"))
    assert (found.count, len(found.sample)) == (20, invalidation.SAMPLE)
    assert invalidation.drop([team_id], Criteria(pattern="question*")) == 20


def test_what_came_after_the_look_stays(
    connection: Connection, team_id: int, entry_id: int
) -> None:
    seen = invalidation.find([team_id], Criteria(pattern="*")).as_of
    generation = Generation.objects.get().pk
    later = shelves.fresh(team_id, "And now?")
    made = shelves.remember(connection, later, shelves.vector(3), generation)
    Entry.objects.filter(pk=entry_id).update(created_at=Now())
    look = invalidation.read_look(str(seen))
    assert look == seen
    assert invalidation.find([team_id], Criteria(pattern="*"), look).count == 1
    assert invalidation.drop([team_id], Criteria(pattern="*"), look) == 1
    assert set(Entry.objects.values_list("pk", flat=True)) == {made, entry_id}


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-01T00:00Z", "~", "2026-01-01~x", "x~1"])
def test_a_look_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Unfit):
        invalidation.read_look(text)
