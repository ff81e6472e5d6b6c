"""An index in this process's memory, which follows the vectors in Postgres: for one machine whose
answers fit into it. What it does not hold, or not yet, is looked for in Postgres."""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, LiteralString
from uuid import UUID

import faiss
import numpy as np
import psycopg

from caching import lookup
from caching.errors import WrongDimensions
from caching.values import Neighbour
from caching.vectors import index
from caching.vectors.faiss_shelf import Shelf
from caching.vectors.index import Placed, Sought
from caching.vectors.pgvector_index import READ_WHOLE, PgVector

if TYPE_CHECKING:
    from caching.values import Vector
    from caching.vectors.index import Connection

log = logging.getLogger(__name__)

MOST_BYTES = 2 << 30
POLL_S = 1.0
LATE_S = 10.0
"""Rows become visible in another order than their numbers' within this time."""
COMPARE_S = 300.0
"""How often it is looked whether others removed or moved something."""
AT_ONCE = 2_000
MORE = 4
"""By how many times more is asked for when Postgres says that what was found may not be served."""

SIZE: LiteralString = """
SELECT g.dimensions, (SELECT count(*) FROM caching_entryvector v WHERE v.generation_id = g.id)
  FROM caching_generation g WHERE g.id = %s
"""
NEWER: LiteralString = """
SELECT id, entry_id, partition, vector FROM caching_entryvector
 WHERE generation_id = %s AND id > %s ORDER BY id LIMIT %s
"""
STANDING: LiteralString = """
SELECT entry_id, partition FROM caching_entryvector WHERE generation_id = %s
"""
TAKEN: LiteralString = """
SELECT entry_id FROM caching_entryvector WHERE generation_id = %s AND entry_id = ANY(%s::bigint[])
"""
# All of it is constant, whatever S608 suspects.
CHECKED: LiteralString = (
    "SELECT e.id, n.similarity, "  # noqa: S608
    + index.FACTS
    + """ FROM unnest(%(ids)s::bigint[], %(similarities)s::float8[]) AS n (id, similarity)
      JOIN caching_entry e ON e.id = n.id WHERE """
    + index.SERVABLE
    + " ORDER BY n.similarity DESC LIMIT %(k)s"
)


class Memory:
    """One generation as this process has it."""

    def __init__(self, dimensions: int, *, read_whole: int) -> None:
        self.dimensions = dimensions
        self.whole = False
        """Whether all that Postgres held when it was opened has been read."""
        self._read_whole = read_whole
        self._shelves: dict[UUID, Shelf] = {}
        self._places: dict[int, UUID] = {}
        self._seen: deque[tuple[float, int]] = deque([(0.0, 0)])
        self._compared_at = time.monotonic()
        self._lock = threading.RLock()

    @property
    def bytes(self) -> int:
        return sum(shelf.bytes for shelf in list(self._shelves.values()))

    def put(self, entry_id: int, partition: UUID, vector: Vector) -> None:
        with self._lock:
            if self._places.get(entry_id, partition) != partition:
                self.take(entry_id)
            shelf = self._shelves.get(partition)
            if shelf is None:
                shelf = Shelf(self.dimensions, read_whole=self._read_whole)
                self._shelves[partition] = shelf
            self._places[entry_id] = partition
            shelf.put(entry_id, vector)

    def take(self, entry_id: int) -> None:
        with self._lock:
            partition = self._places.pop(entry_id, None)
            shelf = self._shelves.get(partition) if partition else None
            if partition is None or shelf is None:
                return
            shelf.take(entry_id)
            if not len(shelf):
                del self._shelves[partition]

    def search(self, partitions: Sequence[UUID], vector: Vector, k: int) -> list[tuple[int, float]]:
        with self._lock:
            shelves = [self._shelves[each] for each in partitions if each in self._shelves]
        found = [pair for shelf in shelves for pair in shelf.search(vector, k)]
        return heapq.nlargest(k, found, key=itemgetter(1))

    def size(self, partitions: Sequence[UUID]) -> int:
        return sum(len(self._shelves.get(each, ())) for each in partitions)

    def follow(self, connection: Connection, generation: int) -> None:
        """Reads what is new, and again what came in the last moments: numbers come out of order."""
        last = self._seen[0][1]
        while rows := connection.execute(
            NEWER, (generation, last, AT_ONCE), binary=True
        ).fetchall():
            for _, entry_id, partition, half in rows:
                if self._places.get(entry_id) != partition:
                    self.put(entry_id, partition, _read(half))
            last = rows[-1][0]
        self._note(last)
        self.whole = True
        if time.monotonic() - self._compared_at > COMPARE_S:
            self.compare(connection, generation)

    def compare(self, connection: Connection, generation: int) -> None:
        """Lets go of what others removed or moved; what moved is read again from the start."""
        self._compared_at = time.monotonic()
        with self._lock:
            mine = dict(self._places)
        standing = dict(connection.execute(STANDING, (generation,), binary=True).fetchall())
        for entry_id, partition in mine.items():
            if standing.get(entry_id) != partition:
                self.take(entry_id)
        if any(entry_id in mine and mine[entry_id] != now for entry_id, now in standing.items()):
            self._seen = deque([(0.0, 0)])

    def _note(self, last: int) -> None:
        now = time.monotonic()
        self._seen.append((now, last))
        while len(self._seen) > 1 and now - self._seen[1][0] > LATE_S:
            self._seen.popleft()


class Faiss:
    """Follows a generation from the first time that it is asked about it."""

    def __init__(self, *, read_whole: int = READ_WHOLE, most_bytes: int = MOST_BYTES) -> None:
        faiss.omp_set_num_threads(1)  # callers come in threads of their own
        self._inside = PgVector(read_whole=read_whole)
        self._read_whole = read_whole
        self._most_bytes = most_bytes
        self._memories: dict[int, Memory] = {}
        self._too_large: set[int] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
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
        memory = self._memory(connection, generation)
        if memory is None:
            return self._inside.near(
                connection, generation=generation, partitions=partitions, vector=vector, k=k
            )
        if vector.shape != (memory.dimensions,):
            raise WrongDimensions
        return memory.search(partitions, vector, k)

    def neighbours(self, connection: Connection, sought: Sought, k: int) -> list[Neighbour]:
        """If some of those found may not be served, more are looked for until all were."""
        memory = self._memory(connection, sought.generation)
        if memory is None:
            return self._inside.neighbours(connection, sought, k)
        if sought.vector.shape != (memory.dimensions,):
            raise WrongDimensions
        partitions = sought.partitions
        most, looked_at = memory.size(partitions), k
        while True:
            pairs = memory.search(partitions, sought.vector, looked_at)
            found = _checked(connection, sought, pairs, k) if pairs else []
            if len(found) >= k or looked_at >= most:
                return found
            looked_at *= MORE

    def add(self, connection: Connection, rows: Sequence[Placed]) -> None:
        self._inside.add(connection, rows)
        for generation in {row.generation for row in rows}:
            memory = self._memories.get(generation)
            if memory is not None:
                mine = [row for row in rows if row.generation == generation]
                ids = [row.entry_id for row in mine]
                taken = {each for (each,) in connection.execute(TAKEN, (generation, ids))}
                for row in mine:
                    if row.entry_id in taken:
                        memory.put(row.entry_id, row.partition, row.vector)

    def remove(self, connection: Connection, entry_ids: Sequence[int]) -> None:
        self._inside.remove(connection, entry_ids)
        for memory in list(self._memories.values()):
            for entry_id in entry_ids:
                memory.take(entry_id)

    def build(self, connection: Connection, generation: int) -> None:
        """Only where it does not fit here, so that Postgres will be asked after all."""
        row = connection.execute(SIZE, (generation,)).fetchone()
        if row is not None and row[1] * 4 * row[0] > self._most_bytes:
            self._inside.build(connection, generation)

    def drop(self, connection: Connection, generation: int) -> None:
        self._memories.pop(generation, None)
        self._too_large.discard(generation)
        self._inside.drop(connection, generation)

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)
        self._memories.clear()
        self._inside.close()

    def follow(self, connection: Connection, generation: int) -> None:
        """One look at what is new; the thread does it all the time."""
        memory = self._memories.get(generation)
        if memory is None:
            row = connection.execute(SIZE, (generation,)).fetchone()
            if row is None or generation in self._too_large:
                return
            memory = Memory(row[0], read_whole=self._read_whole)
            self._memories[generation] = memory
        memory.follow(connection, generation)
        if memory.bytes > self._most_bytes:
            log.warning("The index of generation %s does not fit into memory", generation)
            self._too_large.add(generation)
            self._memories.pop(generation, None)

    def _memory(self, connection: Connection, generation: int) -> Memory | None:
        """None while it is not whole. Asking for it begins it."""
        memory = self._memories.get(generation)
        if memory is not None and memory.whole:
            return memory
        if memory is None and generation not in self._too_large:
            self._begin(connection, generation)
        return None

    def _begin(self, connection: Connection, generation: int) -> None:
        row = connection.execute(SIZE, (generation,)).fetchone()
        with self._lock:
            if row is None or generation in self._memories:
                return
            self._memories[generation] = Memory(row[0], read_whole=self._read_whole)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="faiss", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with lookup.connect() as connection:
                    self._follow_all(connection)
            except psycopg.Error as error:
                log.warning("The index in memory waits for Postgres: %s", error)
                self._stop.wait(POLL_S)

    def _follow_all(self, connection: Connection) -> None:
        while not self._stop.is_set():
            for generation in list(self._memories):
                self.follow(connection, generation)
            self._stop.wait(POLL_S)


def _checked(
    connection: Connection, sought: Sought, pairs: list[tuple[int, float]], k: int
) -> list[Neighbour]:
    asked = {
        "ids": [entry_id for entry_id, _ in pairs],
        "similarities": [similarity for _, similarity in pairs],
        "k": k,
        **sought.words,
    }
    rows = connection.execute(CHECKED, asked, binary=True).fetchall()
    return [index.neighbour(row) for row in rows]


def _read(half: bytes) -> Vector:
    """Postgres sends two numbers about it, then sixteen bits each."""
    made: Vector = np.frombuffer(half, dtype=">f2", offset=4).astype(np.float32)
    return made
