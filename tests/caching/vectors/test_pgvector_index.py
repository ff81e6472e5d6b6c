"""Which way the index in Postgres takes, and that it takes it cheaply and safely."""

from __future__ import annotations

import pytest
from pgvector import HalfVector

from caching.vectors import index, pgvector_index
from caching.vectors.index import Connection, Placed
from caching.vectors.pgvector_index import PgVector
from caching.vectors.sizes import Sizes
from tests.caching import shelves

LARGE = 4500


@pytest.fixture
def generation(connection: Connection, team_id: int) -> int:
    """A large partition and a hundred of one entry each, in a built generation."""
    made = shelves.generation()
    opened = PgVector()
    rows = [
        Placed(
            entry_id=entry_id,
            generation=made,
            partition=index.partition("large" if place < LARGE else f"small {place}", "s"),
            vector=shelves.vector(place),
        )
        for place, entry_id in enumerate(shelves.entries(connection, team_id, LARGE + 100))
    ]
    opened.add(connection, rows)
    opened.build(connection, made)
    return made


def plan(connection: Connection, query: bytes, generation: int, scope: str) -> str:
    values = {
        "generation": generation,
        "partitions": [index.partition(scope, "s")],
        "vector": HalfVector(shelves.vector(1)),
        "scopes": ["large"],
        "surroundings": ["s"],
        "k": 8,
        "spare": 16,
    }
    pgvector_index.get_ready(connection)
    rows = connection.execute(b"EXPLAIN " + query, values, prepare=False).fetchall()
    return "\n".join(line for (line,) in rows)


@pytest.mark.parametrize("shape", [pgvector_index.NEAR, pgvector_index.NEIGHBOURS])
@pytest.mark.parametrize("scope", ["large", "small 4510"])
def test_the_graph_is_walked_where_it_was_chosen_and_never_else(
    connection: Connection, generation: int, shape: str, scope: str
) -> None:
    name = f"vector_hnsw_{generation}"
    by_graph = pgvector_index.by_graph(shape, generation, shelves.DIMENSIONS)
    for mode in ("force_custom_plan", "force_generic_plan"):
        connection.execute(f"SET plan_cache_mode = {mode}")
        assert f"using {name}" in plan(connection, by_graph, generation, scope)
        assert name not in plan(connection, pgvector_index.read_whole(shape), generation, scope)


def test_entries_are_looked_up_from_the_nearest_on(connection: Connection, generation: int) -> None:
    """Else serving from a partition of thousands would read thousands of answers."""
    query = pgvector_index.read_whole(pgvector_index.NEIGHBOURS)
    lines = plan(connection, query, generation, "large").splitlines()
    kinds = [line.split("(cost")[0].strip(" ->") for line in lines if "(cost" in line]
    assert kinds[:2] == ["Limit", "Nested Loop"]
    assert any(kind.startswith("Sort") for kind in kinds[2:])


def test_a_graph_that_a_killed_build_left_is_made_again(
    connection: Connection, generation: int
) -> None:
    broken = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass"
    connection.execute(broken, (f"vector_hnsw_{generation}",))
    opened = PgVector(read_whole=10)
    at = shelves.vector(3)
    partitions = [index.partition("large", "s")]
    found = opened.near(connection, generation=generation, partitions=partitions, vector=at, k=4)
    assert len(found) == 4  # by reading it all
    opened.build(connection, generation)
    state = connection.execute(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = %s::regclass",
        (f"vector_hnsw_{generation}",),
    ).fetchone()
    assert state == (True,)
    again = opened.near(connection, generation=generation, partitions=partitions, vector=at, k=4)
    assert [entry_id for entry_id, _ in again] == [entry_id for entry_id, _ in found]


def test_building_changes_nothing_else_on_its_connection(
    connection: Connection, generation: int
) -> None:
    show = "SELECT current_setting('maintenance_work_mem'), current_setting('synchronous_commit')"
    before = connection.execute(show).fetchone()
    opened = PgVector()
    opened.drop(connection, generation)
    opened.build(connection, generation)
    assert connection.execute(show).fetchone() == before


def test_sizes_are_counted_once_and_up_to_the_limit(
    connection: Connection, generation: int
) -> None:
    sizes = Sizes(limit=50)
    large, small = index.partition("large", "s"), index.partition("small 4510", "s")
    assert sizes.of(connection, generation, [large, small]) == 51
    connection.execute("DELETE FROM caching_entryvector")
    sizes.grew(generation, small)
    assert sizes.of(connection, generation, [small]) == 2
    sizes.forget()
    assert sizes.of(connection, generation, [large, small]) == 0
