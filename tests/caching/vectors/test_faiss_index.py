"""The index in memory keeps up with Postgres, and gives way to it while it does not."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from caching.vectors import index
from caching.vectors.faiss_index import Faiss
from caching.vectors.faiss_shelf import FEWEST_DEAD, Shelf
from caching.vectors.index import Connection
from caching.vectors.pgvector_index import PgVector
from tests.caching import shelves

WHERE, ELSEWHERE = index.partition("t:1", "s"), index.partition("t:2", "s")
AT = shelves.vector(1)


@pytest.fixture
def generation(transactional_db: None) -> int:
    return shelves.generation()


@pytest.fixture
def faiss(generation: int, connection: Connection) -> Iterator[Faiss]:
    opened = Faiss(read_whole=50)
    opened.follow(connection, generation)
    yield opened
    opened.close()


def near(of: Faiss, connection: Connection, generation: int) -> list[int]:
    found = of.near(connection, generation=generation, partitions=[WHERE], vector=AT, k=9)
    return [entry_id for entry_id, _ in found]


def test_what_another_process_adds_and_removes_is_followed(
    faiss: Faiss, connection: Connection, generation: int, team_id: int
) -> None:
    other = PgVector()
    one, two, three = shelves.entries(connection, team_id, 3)
    rows = shelves.placed([one, two, three], [AT] * 3, generation=generation, partition=WHERE)
    other.add(connection, rows)
    assert near(faiss, connection, generation) == []
    faiss.follow(connection, generation)
    assert sorted(near(faiss, connection, generation)) == [one, two, three]
    other.remove(connection, [one])
    moved = shelves.placed([two], [AT], generation=generation, partition=ELSEWHERE)
    other.add(connection, moved)
    faiss._memories[generation].compare(connection, generation)
    faiss.follow(connection, generation)
    assert near(faiss, connection, generation) == [three]
    found = faiss.near(connection, generation=generation, partitions=[ELSEWHERE], vector=AT, k=9)
    assert [entry_id for entry_id, _ in found] == [two]


def test_before_it_is_whole_postgres_is_asked_and_then_no_more(
    connection: Connection, generation: int, team_id: int
) -> None:
    ids = shelves.entries(connection, team_id, 3)
    rows = shelves.placed(ids, [AT] * 3, generation=generation, partition=WHERE)
    PgVector().add(connection, rows)
    opened = Faiss()
    try:
        assert sorted(near(opened, connection, generation)) == ids
        deadline = time.monotonic() + 20
        while not opened._memories[generation].whole and time.monotonic() < deadline:
            time.sleep(0.02)
        assert opened._memories[generation].whole
        assert sorted(near(opened, connection, generation)) == ids
    finally:
        opened.close()


def test_what_does_not_fit_stays_in_postgres(
    connection: Connection, generation: int, team_id: int
) -> None:
    opened = Faiss(most_bytes=1000)
    ids = shelves.entries(connection, team_id, 30)
    rows = shelves.placed(ids, [AT] * 30, generation=generation, partition=WHERE)
    opened.add(connection, rows)
    opened.follow(connection, generation)
    assert opened._memories == {}
    assert len(near(opened, connection, generation)) == 9
    opened.build(connection, generation)
    built = connection.execute("SELECT to_regclass(%s)", (f"vector_hnsw_{generation}",)).fetchone()
    assert built != (None,)
    opened.close()


@pytest.mark.parametrize("read_whole", [10, 10_000])
def test_a_shelf_forgets_its_dead(read_whole: int) -> None:
    shelf = Shelf(shelves.DIMENSIONS, read_whole=read_whole)
    for entry_id in range(1, 401):
        shelf.put(entry_id, shelves.vector(entry_id))
    full = shelf.bytes
    for entry_id in range(1, 391):
        shelf.take(entry_id)
    assert shelf.bytes < full / 2
    assert len(shelf) == 10 < FEWEST_DEAD
    assert [entry_id for entry_id, _ in shelf.search(shelves.vector(395), 1)] == [395]
    assert sorted(entry_id for entry_id, _ in shelf.search(AT, 50)) == list(range(391, 401))
