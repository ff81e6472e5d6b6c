"""What any index must keep to: add a class to INDEXES to see whether it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
import pytest

from caching.errors import WrongDimensions
from caching.vectors import index
from caching.vectors.faiss_index import Faiss
from caching.vectors.index import Connection, Index, Sought
from caching.vectors.pgvector_index import PgVector
from tests.caching import shelves

if TYPE_CHECKING:
    from caching.values import Vector

SMALL = 50
"""Partitions above this are large in these tests."""


def in_postgres(connection: Connection, generation: int) -> Index:
    opened = PgVector(read_whole=SMALL)
    opened.build(connection, generation)
    return opened


def in_memory(connection: Connection, generation: int) -> Index:
    opened = Faiss(read_whole=SMALL)
    opened.follow(connection, generation)
    return opened


INDEXES = {"pgvector": in_postgres, "faiss": in_memory}


@dataclass(frozen=True, kw_only=True)
class Room:
    """One index on one live generation of a team."""

    index: Index
    connection: Connection
    team_id: int
    generation: int

    def add(self, partition: str, vectors: list[Vector]) -> list[int]:
        ids = shelves.entries(self.connection, self.team_id, len(vectors), scope=partition)
        where = index.partition(partition, "s")
        rows = shelves.placed(ids, vectors, generation=self.generation, partition=where)
        self.index.add(self.connection, rows)
        return ids

    def near(self, at: Vector, *partitions: str, k: int = 3) -> list[tuple[int, float]]:
        return self.index.near(
            self.connection,
            generation=self.generation,
            partitions=[index.partition(each, "s") for each in partitions],
            vector=at,
            k=k,
        )

    def ids(self, at: Vector, *partitions: str, k: int = 3) -> list[int]:
        return [entry_id for entry_id, _ in self.near(at, *partitions, k=k)]


@pytest.fixture(params=INDEXES)
def room(request: pytest.FixtureRequest, connection: Connection, team_id: int) -> Iterator[Room]:
    made = shelves.generation()
    opened = INDEXES[request.param](connection, made)
    yield Room(index=opened, connection=connection, team_id=team_id, generation=made)
    opened.close()


def crowd(count: int, seed: int = 0) -> list[Vector]:
    return [shelves.vector(seed + each) for each in range(count)]


@pytest.mark.parametrize("others", [0, 10, 4 * SMALL])
def test_the_nearest_come_first_with_their_similarity(room: Room, others: int) -> None:
    at = shelves.vector(-1 % 10_000)
    room.add("t:1", [shelves.near(at, 0.3, each) for each in range(others)])
    near, nearest = room.add("t:1", [shelves.near(at, 0.8), shelves.near(at, 0.95)])
    (first, one), (second, two) = room.near(at, "t:1", k=2)
    assert (first, second) == (nearest, near)
    assert (one, two) == pytest.approx((0.95, 0.8), abs=2e-3)


@pytest.mark.parametrize("others", [5, 4 * SMALL])
def test_nothing_of_another_partition_is_returned(room: Room, others: int) -> None:
    at = shelves.vector(7_000)
    room.add("t:2", [at] * others)
    mine = room.add("t:1", crowd(others))
    assert set(room.ids(at, "t:1", k=others)) == set(mine)
    assert room.ids(at, "t:3") == []
    assert room.ids(at) == []


def test_several_partitions_are_read_as_one(room: Room) -> None:
    at = shelves.vector(7_000)
    (far,) = room.add("t:1", [shelves.near(at, 0.5)])
    (close,) = room.add("g:1", [shelves.near(at, 0.9)])
    room.add("t:2", [at])
    assert room.ids(at, "t:1", "g:1") == [close, far]


def test_more_than_there_is_gives_what_there_is(room: Room) -> None:
    ids = room.add("t:1", crowd(3))
    assert sorted(room.ids(shelves.vector(0), "t:1", k=50)) == ids
    assert room.ids(shelves.vector(0), "t:1", k=0) == []


@pytest.mark.parametrize("others", [0, 4 * SMALL])
def test_what_is_removed_is_not_found_and_its_place_can_be_taken(room: Room, others: int) -> None:
    at = shelves.vector(7_000)
    room.add("t:1", crowd(others))
    gone, stays = room.add("t:1", [at, shelves.near(at, 0.9)])
    room.index.remove(room.connection, [gone])
    assert room.ids(at, "t:1")[0] == stays
    assert gone not in room.ids(at, "t:1", k=others + 2)
    (newer,) = room.add("t:1", [at])
    assert room.ids(at, "t:1")[:2] == [newer, stays]


def test_adding_again_moves(room: Room) -> None:
    at, other = shelves.vector(1), shelves.vector(2)
    (entry,) = room.add("t:1", [at])
    for where, there in (("t:1", other), ("t:2", other)):
        partition = index.partition(where, "s")
        room.index.add(
            room.connection,
            shelves.placed([entry], [there], generation=room.generation, partition=partition),
        )
        ((found, similarity),) = room.near(other, where)
        assert found == entry
        assert similarity == pytest.approx(1, abs=2e-3)
    assert room.ids(other, "t:1") == []


def test_an_entry_that_is_gone_gets_no_place(room: Room) -> None:
    partition = index.partition("t:1", "s")
    rows = shelves.placed(
        [10**9], [shelves.vector(1)], generation=room.generation, partition=partition
    )
    room.index.add(room.connection, rows)
    assert room.ids(shelves.vector(1), "t:1") == []


def test_generations_are_apart(room: Room) -> None:
    at = shelves.vector(1)
    (entry,) = room.add("t:1", [at])
    other = shelves.generation(state="filling", embedder="other", dimensions=4)
    partition = index.partition("t:1", "s")
    four = shelves.vector(1, dimensions=4)
    room.index.add(
        room.connection, shelves.placed([entry], [four], generation=other, partition=partition)
    )
    assert room.ids(at, "t:1") == [entry]
    found = room.index.near(
        room.connection, generation=other, partitions=[partition], vector=four, k=3
    )
    assert [entry_id for entry_id, _ in found] == [entry]


@pytest.mark.parametrize("copies", [5, 4 * SMALL])
def test_equal_vectors_are_all_found(room: Room, copies: int) -> None:
    at = shelves.vector(1)
    ids = room.add("t:1", [at] * copies)
    found = room.near(at, "t:1", k=copies)
    assert sorted(entry_id for entry_id, _ in found) == ids
    assert min(similarity for _, similarity in found) > 0.998


@pytest.mark.parametrize("dimensions", [1, 15, 17])
def test_another_length_is_refused(room: Room, dimensions: int) -> None:
    wrong = shelves.vector(1, dimensions=dimensions)
    room.add("t:1", crowd(2))
    with pytest.raises(WrongDimensions):
        room.near(wrong, "t:1")
    with pytest.raises(WrongDimensions):
        room.add("t:1", [wrong])


def test_an_unknown_generation_holds_nothing(room: Room) -> None:
    partitions = [index.partition("t:1", "s")]
    at = shelves.vector(1)
    near = room.index.near(room.connection, generation=10**6, partitions=partitions, vector=at, k=1)
    assert near == []


@pytest.mark.parametrize("share", [0.05, 0.001])
def test_a_rare_partition_always_has_its_answer(room: Room, share: float) -> None:
    """Asked right inside the others' crowd, where a graph alone would find only theirs."""
    mine = max(1, int(3000 * share))
    middle = shelves.vector(5)
    room.add("t:2", [shelves.near(middle, 0.97, each) for each in range(3000 - mine)])
    ids = room.add("t:1", [shelves.near(middle, -0.2, each) for each in range(mine)])
    for each in range(20):
        found = room.ids(shelves.near(middle, 0.98, 9_000 + each), "t:1", k=3)
        assert len(found) == min(3, mine)
        assert set(found) <= set(ids)


def test_large_partitions_have_almost_all_of_the_nearest(room: Room) -> None:
    vectors = crowd(1500)
    ids = room.add("t:1", vectors)
    matrix = np.stack(vectors)
    hits = 0
    for each in range(40):
        at = shelves.vector(50_000 + each)
        best = {ids[place] for place in np.argsort(matrix @ at)[-8:]}
        hits += len(best & set(room.ids(at, "t:1", k=8)))
    assert hits >= 0.95 * 40 * 8


def test_what_serves_is_looked_at_in_postgres(room: Room) -> None:
    """An index may lag behind; quarantine, expiry and scope never do."""
    at = shelves.vector(1)
    ids = room.add("t:1", [shelves.near(at, 0.9 - each / 100) for each in range(5)])
    broken = (
        "quarantined_at = now()",
        "expires_at = now()",
        "scope = 't:2'",
        "surroundings = 'x'",
    )
    for entry_id, change in zip(ids, broken, strict=False):
        room.connection.execute(f"UPDATE caching_entry SET {change} WHERE id = %s", (entry_id,))
    sought = Sought(generation=room.generation, vector=at, places=(("t:1", "s"),))
    (found,) = room.index.neighbours(room.connection, sought, 4)
    assert (found.entry_id, found.question, found.scope) == (ids[4], "question 5", "t:1")
    assert found.similarity == pytest.approx(0.86, abs=2e-3)


def test_a_dotted_path_opens_another() -> None:
    assert isinstance(index.open_index("caching.vectors.faiss_index.Faiss"), Faiss)
    assert isinstance(index.open_index(index.DEFAULT), PgVector)


def test_partitions_differ_by_scope_and_by_surroundings() -> None:
    made = {index.partition(scope, around) for scope in ("t:1", "t:11") for around in ("1", "")}
    assert len(made) == 4
    assert index.partition("t:1", "s") == index.partition("t:1", "s") != uuid4()
