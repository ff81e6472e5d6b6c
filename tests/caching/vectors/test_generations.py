"""A new embedder's vectors are made beside the old ones, and taken into use in one step."""

from __future__ import annotations

import pytest

from caching import lookup, tasks
from caching.models import Entry, EntryVector
from caching.models import Generation as Row
from caching.values import NoMatch
from caching.vectors import generations, index
from caching.vectors.generations import Generation
from caching.vectors.index import Connection
from tests.caching import shelves
from tests.caching.shelves import Hashing

OLD, NEW = Hashing("old"), Hashing("new", dimensions=24)


@pytest.fixture
def stored(connection: Connection, team_id: int) -> list[int]:
    """A cache that was filled with the old embedder's vectors, and has rested for an hour."""
    first = generations.begin(connection, OLD)
    ids = [
        shelves.remember(
            connection, shelves.fresh(team_id, f"q{n}", f"a{n}"), OLD.vector(f"q{n}"), first.id
        )
        for n in range(150)
    ]
    connection.execute("UPDATE caching_entry SET created_at = now() - interval '1 hour'")
    return ids


def live(connection: Connection) -> Generation:
    (found,) = [each for each in generations.known(connection) if each.state == "live"]
    return found


def nearest(connection: Connection, team_id: int, embedder: Hashing, text: str) -> str:
    asked = shelves.asked(team_id, embedder.vector(text))
    return lookup.neighbours(connection, asked, live(connection).id)[0].question


def test_the_first_is_live_at_once_with_its_graph(connection: Connection) -> None:
    made = generations.begin(connection, OLD)
    assert (made.state, made.embedder, made.dimensions) == ("live", "old", 16)
    assert generations.begin(connection, OLD) == made
    tasks._keep(connection, OLD)
    built = connection.execute("SELECT to_regclass(%s)", (f"vector_hnsw_{made.id}",)).fetchone()
    assert built != (None,)


def test_until_the_new_one_is_full_the_old_one_is_not_asked_with_its_vectors(
    connection: Connection, stored: list[int]
) -> None:
    new = generations.begin(connection, NEW)
    known = generations.known(connection)
    assert new.state == "filling"
    assert generations.to_search(known, NEW) == NoMatch(reason=generations.FILLING)
    assert generations.to_search(known, OLD) == live(connection)
    assert generations.to_fill(known, NEW) == new


def test_it_is_filled_and_takes_over(
    connection: Connection, stored: list[int], team_id: int
) -> None:
    old = live(connection)
    tasks._after.clear()
    tasks._keep(connection, NEW)
    now = live(connection)
    assert (now.embedder, Row.objects.get(pk=old.id).state) == ("new", "retired")
    assert EntryVector.objects.filter(generation=now.id).count() == len(stored)
    assert nearest(connection, team_id, NEW, "q17") == "q17"
    assert generations.to_search(generations.known(connection), NEW) == now


def test_a_killed_filling_goes_on_where_it_ended(connection: Connection, stored: list[int]) -> None:
    embedder = Hashing("new")
    new = generations.begin(connection, embedder)
    assert generations.fill(connection, new, embedder) == stored[generations.BATCH - 1]
    tasks._after.clear()  # as another process has it
    tasks._keep(connection, embedder)
    assert embedder.texts == len(stored)
    assert live(connection).id == new.id


def test_what_is_stored_meanwhile_is_in_the_new_one(
    connection: Connection, stored: list[int], team_id: int
) -> None:
    new = generations.begin(connection, NEW)
    made = shelves.fresh(team_id, "late", "later")
    shelves.remember(connection, made, NEW.vector("late"), new.id)
    tasks._after.clear()
    tasks._keep(connection, NEW)
    assert nearest(connection, team_id, NEW, "late") == "late"


def test_retired_vectors_go_when_nobody_can_be_reading_them(
    connection: Connection, stored: list[int]
) -> None:
    old = live(connection)
    index.house().build(connection, old.id)
    tasks._after.clear()
    tasks._keep(connection, NEW)
    assert generations.drop_retired(connection) == 0
    assert generations.drop_retired(connection, rested_s=0) == len(stored)
    assert connection.execute("SELECT to_regclass(%s)", (f"vector_hnsw_{old.id}",)).fetchone() == (
        None,
    )
    assert set(EntryVector.objects.values_list("generation_id", flat=True)) == {live(connection).id}


def test_one_that_was_given_up_half_way_retires(connection: Connection, stored: list[int]) -> None:
    tried = generations.begin(connection, NEW)
    connection.execute("UPDATE caching_generation SET created_at = now() - interval '2 hours'")
    tasks._keep(connection, OLD)
    assert Row.objects.get(pk=tried.id).state == "retired"
    assert live(connection).embedder == "old"


def test_a_switch_of_one_that_is_not_filling_changes_nothing(
    connection: Connection, stored: list[int]
) -> None:
    before = live(connection)
    assert not generations.switch(connection, before)
    assert live(connection) == before


def test_a_vector_lost_in_a_crash_is_made_again(connection: Connection, stored: list[int]) -> None:
    EntryVector.objects.filter(entry_id=stored[5]).delete()
    Entry.objects.filter(pk=stored[6]).update(surroundings="")
    tasks._after.clear()
    tasks._keep(connection, OLD)
    assert EntryVector.objects.filter(entry_id=stored[5]).count() == 1
