"""How stored answers change, who may change them, and who counts as how many."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from caching import hits, lookup
from caching.models import Entry, EntryVector, Evidence
from caching.vectors import index
from caching.vectors.index import Connection
from tests.analytics.books import Book
from tests.caching import shelves

AT = shelves.vector(1)


def test_a_pinned_answer_stands(connection: Connection, team_id: int) -> None:
    entry_id = shelves.stored(connection, shelves.fresh(team_id, answer="ours", fingerprint="f"))
    Entry.objects.update(pinned_at="2026-01-01T00:00Z")
    assert lookup.store(connection, shelves.fresh(team_id, answer="new", fingerprint="f")) is None
    assert b"ours" in bytes(Entry.objects.get(pk=entry_id).answer)


def test_a_quarantined_answer_is_replaced_and_nothing_is_known_of_the_new_one(
    connection: Connection, team_id: int
) -> None:
    wrong = shelves.fresh(team_id, answer="same", fingerprint="f")
    entry_id = shelves.stored(connection, wrong)
    Entry.objects.update(
        quarantined_at="2026-01-01T00:00Z", quarantine="complaint", rights=5, wrongs=2, hits=9
    )
    assert lookup.store(connection, wrong) == entry_id
    (row,) = Entry.objects.values("quarantined_at", "quarantine", "rights", "wrongs", "hits")
    assert list(row.values()) == [None, "", 0, 0, 9]


@pytest.mark.parametrize(("answer", "left"), [("It is so", (5, 2)), ("it is not so", (0, 0))])
def test_what_was_found_of_an_answer_stays_with_what_it_says(
    connection: Connection, team_id: int, answer: str, left: tuple[int, int]
) -> None:
    shelves.stored(connection, shelves.fresh(team_id, answer="It is so.", fingerprint="f"))
    before = bytes(Entry.objects.get().answer_class)
    Entry.objects.update(rights=5, wrongs=2)
    shelves.stored(connection, shelves.fresh(team_id, answer=answer, fingerprint="f"))
    row = Entry.objects.get()
    assert [row.rights, row.wrongs] == list(left)
    assert (bytes(row.answer_class) == before) == bool(left[0])


def test_all_that_is_known_of_an_answer_is_kept(connection: Connection, team_id: int) -> None:
    made = shelves.fresh(team_id, "größe?", tags={"app": "shop"}, latency_ms=12.5, chunks=b"[]")
    row = Entry.objects.get(pk=shelves.stored(connection, made))
    assert (row.tags, row.latency_ms, row.surroundings) == ({"app": "shop"}, 12.5, "s")
    assert row.bytes == len(made.answer) + 2 + len("größe?".encode())


def test_an_answer_moves_between_team_and_group_but_not_from_or_to_a_user(
    connection: Connection, team_id: int
) -> None:
    made = shelves.fresh(team_id, fingerprint="f", scope=f"t:{team_id}")
    entry_id = shelves.stored(connection, made)
    assert lookup.store(connection, replace(made, scope="g:1")) == entry_id
    assert lookup.store(connection, replace(made, scope=f"u:{team_id}:ann")) is None
    assert Entry.objects.get().scope == "g:1"


def test_a_place_is_only_taken_where_the_entry_belongs(
    connection: Connection, team_id: int
) -> None:
    generation = shelves.generation()
    entry_id = shelves.stored(connection, shelves.fresh(team_id))
    foreign = index.partition("t:0", "s")
    assert not lookup.place(connection, entry_id, foreign, AT, generation)
    own = index.partition(f"t:{team_id}", "s")
    assert not lookup.place(connection, 10**9, own, AT, generation)
    assert lookup.place(connection, entry_id, own, AT, generation)
    assert EntryVector.objects.get().partition == own


def test_a_flood_of_one_question_has_one_voice(connection: Connection, team_id: int) -> None:
    """A caller that asks nearly the same all day makes one place, and crowds nobody out."""
    generation = shelves.generation()
    flood = [
        shelves.stored(connection, shelves.fresh(team_id, f"is it safe to do {n}", "yes"))
        for n in range(60)
    ]
    where = index.partition(f"t:{team_id}", "s")
    placed = [
        lookup.place(connection, entry_id, where, shelves.near(AT, 0.9995, n), generation)
        for n, entry_id in enumerate(flood)
    ]
    assert sum(placed) == 1
    honest = shelves.fresh(team_id, "can this be done safely", "no")
    shelves.remember(connection, honest, shelves.near(AT, 0.97), generation)
    found = lookup.neighbours(connection, shelves.asked(team_id, AT), generation)
    assert [each.question for each in found] == ["is it safe to do 0", honest.question]


def test_a_flood_of_other_answers_ends_and_leaves_seats(
    connection: Connection, team_id: int
) -> None:
    generation = shelves.generation()
    where = index.partition(f"t:{team_id}", "s")
    placed = 0
    for n in range(40):
        made = shelves.fresh(team_id, f"is it safe to do this {n}", f"answer {n}")
        entry_id = shelves.stored(connection, made)
        near = shelves.near(AT, 0.9995, n)
        placed += lookup.place(connection, entry_id, where, near, generation)
    assert placed == lookup.MOST_ALIKE
    honest = shelves.fresh(team_id, "can that be done safely", "no")
    shelves.remember(connection, honest, shelves.near(AT, 0.9), generation)
    found = lookup.neighbours(connection, shelves.asked(team_id, AT), generation)
    assert honest.question in [each.question for each in found]


def test_placing_again_changes_nothing(connection: Connection, team_id: int) -> None:
    generation = shelves.generation()
    made = shelves.fresh(team_id, fingerprint="f")
    first = shelves.remember(connection, made, AT, generation)
    assert shelves.remember(connection, made, AT, generation) == first
    assert EntryVector.objects.count() == 1


def test_a_neighbour_is_fetched_only_while_the_caller_may_have_it(
    connection: Connection, team_id: int
) -> None:
    entry_id = shelves.stored(connection, shelves.fresh(team_id, answer="yes"))
    mine = shelves.asked(team_id, AT)
    row = lookup.fetch(connection, mine, entry_id)
    assert row is not None
    assert (b"yes" in row[1], row[9]) == (True, entry_id)
    assert lookup.fetch(connection, shelves.asked(Book.open().team.pk, AT), entry_id) is None
    assert lookup.fetch(connection, shelves.asked(team_id, AT, surroundings="x"), entry_id) is None
    assert lookup.fetch(connection, replace(mine, scopes=("g:9",)), entry_id) is None
    Entry.objects.update(quarantined_at="2026-01-01T00:00Z")
    assert lookup.fetch(connection, mine, entry_id) is None


def test_hits_are_counted_together_and_written_when_it_is_time(
    connection: Connection, team_id: int
) -> None:
    one, two = shelves.entries(connection, team_id, 2)
    hits.write(connection, every_s=0)
    for entry_id in (one, two, one, 10**9):
        hits.note(entry_id)
    hits.write(connection, every_s=60)
    assert not Entry.objects.filter(hits__gt=0).exists()
    hits.write(connection, every_s=0)
    hits.write(connection, every_s=0)
    assert dict(Entry.objects.values_list("id", "hits")) == {one: 2, two: 1}
    assert Entry.objects.get(pk=one).last_hit_at is not None


def test_what_hangs_on_an_answer_goes_with_it(connection: Connection, team_id: int) -> None:
    entry_id = shelves.remember(connection, shelves.fresh(team_id), AT, shelves.generation())
    Evidence.objects.create(
        team_id=team_id, entry_id=entry_id, question="q", exchange_id=uuid4(), similarity=1
    )
    connection.execute("UPDATE caching_entry SET expires_at = now()")
    assert lookup.forget_expired(connection, at_most=10) == 1
    assert not EntryVector.objects.exists()
    assert Evidence.objects.get().entry_id is None


def test_a_pinned_answer_does_not_expire(connection: Connection, team_id: int) -> None:
    made = shelves.fresh(team_id, fingerprint="f", ttl_s=0)
    shelves.stored(connection, made)
    Entry.objects.update(pinned_at="2026-01-01T00:00Z")
    assert lookup.forget_expired(connection, at_most=10) == 0
    row = lookup.find(connection, replace(shelves.asked(team_id, AT), fingerprint="f"))
    assert row is not None
    assert row[10] is True
