"""The index inside Postgres: small partitions are read whole, large ones by a graph (HNSW)."""

from __future__ import annotations

import functools
import math
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pgvector import HalfVector
from pgvector.psycopg.halfvec import HalfVectorBinaryDumper
from psycopg import sql
from psycopg.pq import TransactionStatus

from caching.errors import WrongDimensions
from caching.values import Neighbour
from caching.vectors import index
from caching.vectors.index import Placed, Sought
from caching.vectors.sizes import Sizes

if TYPE_CHECKING:
    from caching.values import Vector
    from caching.vectors.index import Connection

READ_WHOLE = 8_000
"""Vectors that are compared one by one in the time that the graph takes to be walked."""
EF_SEARCH = 100
"""How many candidates the graph keeps: all but a few in a thousand of the nearest are found."""
MOST_VISITED = 40_000
"""After this many the graph is given up, and the partition read whole."""
NEIGHBOURS_EACH = 16
EF_CONSTRUCTION = 64
MOST_DIMENSIONS = 4_000
"""What the graph can hold; longer vectors are always read whole."""
SPARE = 2
"""The graph is asked for this many times what is wanted: some may no longer be served."""
LOOK_AGAIN_S, LOOK_AGAIN_BUILT_S = 5.0, 300.0
BUILD_LOCK = 0x4B4F5241
MEBI = 1 << 20
LEAST_MEMORY, MOST_MEMORY = 64 * MEBI, 2048 * MEBI
NODE_BYTES = 320
"""What the graph adds to a vector while it is built."""

# A bare vector: the graph is on the cast one, so the btree on the partition is all there is.
WHOLE = """
SELECT v.entry_id, v.vector <=> %(vector)s::halfvec AS distance
  FROM caching_entryvector v
 WHERE v.generation_id = %(generation)s AND v.partition = ANY(%(partitions)s::uuid[])
 ORDER BY distance OFFSET 0
"""
# The predicate is the partial index's own. CASE hides the partition from the btree, and from a
# planner that would else take a rare one for a reason to read and sort everything.
GRAPH = """
SELECT v.entry_id,
       (v.vector::halfvec({dimensions})) <=> %(vector)s::halfvec({dimensions}) AS distance
  FROM caching_entryvector v
 WHERE v.generation_id = {generation}
   AND CASE WHEN v.partition = ANY(%(partitions)s::uuid[]) THEN TRUE END
 ORDER BY (v.vector::halfvec({dimensions})) <=> %(vector)s::halfvec({dimensions})
 LIMIT %(spare)s
"""
NEAR = """
SELECT n.entry_id, 1 - n.distance FROM ({near}) n ORDER BY n.distance LIMIT %(k)s
"""
# OFFSET 0 keeps the join from being done first: entries are looked up from the nearest on, and no
# more of them than are wanted.
NEIGHBOURS = """
SELECT n.entry_id, 1 - n.distance, f.question, f.answer_class, f.rights, f.wrongs, f.age_s,
       f.pinned, f.scope, f.doubts
  FROM ({near}) n
 CROSS JOIN LATERAL (SELECT {facts} FROM caching_entry e
                      WHERE e.id = n.entry_id AND {servable} OFFSET 0) f
 ORDER BY n.distance LIMIT %(k)s
"""
STATE = """
SELECT g.dimensions, EXISTS (SELECT 1 FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
                              WHERE c.relname = 'vector_hnsw_' || g.id AND i.indisvalid
                                AND i.indrelid = 'caching_entryvector'::regclass)
  FROM caching_generation g WHERE g.id = %s
"""
# A place lost in a crash is made again by the background worker, so nobody waits for the disk.
ADD = """
WITH quickly AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO caching_entryvector AS known (entry_id, generation_id, partition, vector)
SELECT e.id, %s, %s, %s::halfvec FROM quickly, caching_entry e WHERE e.id = %s
ON CONFLICT (entry_id, generation_id) DO UPDATE
   SET partition = excluded.partition, vector = excluded.vector
 WHERE known.partition <> excluded.partition OR known.vector <> excluded.vector
"""
REMOVE = "DELETE FROM caching_entryvector WHERE entry_id = ANY(%s::bigint[])"
BUILD = """
CREATE INDEX CONCURRENTLY {name} ON caching_entryvector
 USING hnsw ((vector::halfvec({dimensions})) halfvec_cosine_ops)
  WITH (m = {neighbours}, ef_construction = {ef}) WHERE generation_id = {generation}
"""
WALK = """
SELECT set_config('hnsw.iterative_scan', 'strict_order', false),
       set_config('hnsw.ef_search', %s, false), set_config('hnsw.max_scan_tuples', %s, false)
"""
_ready: weakref.WeakSet[Connection] = weakref.WeakSet()


@dataclass(frozen=True, slots=True)
class State:
    """What a process last saw of a generation."""

    dimensions: int
    built: bool
    seen_at: float

    @property
    def is_stale(self) -> bool:
        again_s = LOOK_AGAIN_BUILT_S if self.built else LOOK_AGAIN_S
        return time.monotonic() - self.seen_at > again_s


class PgVector:
    """Which plan is taken is decided here by the partition's size, not by the planner's guess."""

    def __init__(self, *, read_whole: int = READ_WHOLE) -> None:
        self._read_whole = read_whole
        self._sizes = Sizes(limit=read_whole + 1)
        self._states: dict[int, State] = {}
        self._lock = threading.Lock()

    def near(
        self,
        connection: Connection,
        *,
        generation: int,
        partitions: Sequence[UUID],
        vector: Vector,
        k: int,
    ) -> list[tuple[int, float]]:
        asked = {"generation": generation, "partitions": list(partitions), "vector": vector}
        return self._ask(connection, NEAR, {**asked, "k": k})

    def neighbours(self, connection: Connection, sought: Sought, k: int) -> list[Neighbour]:
        asked = {
            "generation": sought.generation,
            "partitions": sought.partitions,
            "vector": sought.vector,
            "k": k,
            **sought.words,
        }
        return [index.neighbour(row) for row in self._ask(connection, NEIGHBOURS, asked)]

    def _ask(self, connection: Connection, shape: str, asked: dict[str, Any]) -> list[Any]:
        """By the graph where that is quicker; if it ends early, once more by reading it all."""
        generation, k = asked["generation"], asked["k"]
        state = self._state(connection, generation)
        if state is None or k < 1 or not asked["partitions"]:
            return []
        _check(asked["vector"], state.dimensions)
        get_ready(connection)
        values = {**asked, "vector": HalfVector(asked["vector"]), "spare": SPARE * k}
        size = self._sizes.of(connection, generation, asked["partitions"])
        if state.built and size > self._read_whole:
            query = by_graph(shape, generation, state.dimensions)
            found = connection.execute(query, values, binary=True).fetchall()
            if len(found) == k:
                return found
        return connection.execute(read_whole(shape), values, binary=True).fetchall()

    def add(self, connection: Connection, rows: Sequence[Placed]) -> None:
        for row in rows:
            state = self._state(connection, row.generation)
            if state is not None:
                _check(row.vector, state.dimensions)
        get_ready(connection)
        with connection.cursor() as cursor:
            cursor.executemany(
                ADD,
                [
                    (each.generation, each.partition, HalfVector(each.vector), each.entry_id)
                    for each in rows
                ],
            )
        for row in rows:
            self._sizes.grew(row.generation, row.partition)

    def remove(self, connection: Connection, entry_ids: Sequence[int]) -> None:
        connection.execute(REMOVE, (list(entry_ids),))

    def build(self, connection: Connection, generation: int) -> None:
        """One at a time; what a killed build left is cleared away first."""
        state = self._state(connection, generation, anew=True)
        if state is None or state.built or state.dimensions > MOST_DIMENSIONS:
            return
        locked = connection.execute(
            "SELECT pg_try_advisory_lock(%s, %s::int)", (BUILD_LOCK, generation)
        ).fetchone()
        if locked != (True,):
            return
        try:
            _build(connection, generation, state.dimensions)
        finally:
            connection.execute("SELECT pg_advisory_unlock(%s, %s::int)", (BUILD_LOCK, generation))
        self._state(connection, generation, anew=True)

    def drop(self, connection: Connection, generation: int) -> None:
        _drop(connection, generation)
        self._states.pop(generation, None)

    def close(self) -> None:
        self._sizes.forget()
        self._states.clear()

    def _state(
        self, connection: Connection, generation: int, *, anew: bool = False
    ) -> State | None:
        known = self._states.get(generation)
        if known is not None and not anew and not known.is_stale:
            return known
        row = connection.execute(STATE, (generation,)).fetchone()
        if row is None:
            return None
        seen = State(dimensions=row[0], built=row[1], seen_at=time.monotonic())
        with self._lock:
            self._states[generation] = seen
        return seen


def get_ready(connection: Connection) -> None:
    """Once a connection: vectors go out in binary, and graphs are walked until enough is found.

    Settings made inside a transaction may be taken back with it, so they are made again later.
    """
    if connection in _ready:
        return
    # Without a type's number, which differs by database: the casts in the queries say what it is.
    connection.adapters.register_dumper(HalfVector, HalfVectorBinaryDumper)
    connection.execute(WALK, (str(EF_SEARCH), str(MOST_VISITED)))
    if connection.info.transaction_status == TransactionStatus.IDLE:
        _ready.add(connection)


@functools.lru_cache
def read_whole(shape: str) -> bytes:
    return _compose(shape, WHOLE)


@functools.lru_cache
def by_graph(shape: str, generation: int, dimensions: int) -> bytes:
    """Numbers stand in its text: Postgres takes a partial index only where it sees them."""
    near = GRAPH.format(generation=int(generation), dimensions=int(dimensions))
    return _compose(shape, near)


def _compose(shape: str, near: str) -> bytes:
    return shape.format(near=near, facts=index.FACTS, servable=index.SERVABLE).encode()


def _check(vector: Vector, dimensions: int) -> None:
    if vector.shape != (dimensions,):
        raise WrongDimensions


def _name(generation: int) -> sql.Identifier:
    return sql.Identifier(f"vector_hnsw_{generation}")


def _drop(connection: Connection, generation: int) -> None:
    connection.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(_name(generation)))


def _build(connection: Connection, generation: int, dimensions: int) -> None:
    """On one core: who is served meanwhile needs the others."""
    _drop(connection, generation)
    memory = _memory(connection, generation, dimensions)
    connection.execute("SELECT set_config('maintenance_work_mem', %s, false)", (memory,))
    connection.execute("SET max_parallel_maintenance_workers = 0")
    try:
        connection.execute(
            sql.SQL(BUILD).format(
                name=_name(generation),
                dimensions=sql.Literal(dimensions),
                neighbours=sql.Literal(NEIGHBOURS_EACH),
                ef=sql.Literal(EF_CONSTRUCTION),
                generation=sql.Literal(generation),
            )
        )
        # A planner that never saw this generation takes it for a few rows and sorts them all.
        connection.execute("ANALYZE caching_entryvector")
    finally:
        connection.execute("RESET maintenance_work_mem")
        connection.execute("RESET max_parallel_maintenance_workers")


def _memory(connection: Connection, generation: int, dimensions: int) -> str:
    """A graph that does not fit while it is built takes many times as long."""
    row = connection.execute(
        "SELECT count(*) FROM caching_entryvector WHERE generation_id = %s", (generation,)
    ).fetchone()
    needed = (row[0] if row else 0) * (2 * dimensions + NODE_BYTES) * 1.2
    return f"{math.ceil(min(max(needed, LEAST_MEMORY), MOST_MEMORY) / 1024)}kB"
