"""Finding the nearest stored questions: how long the whole query takes and how much it misses."""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import psycopg
from pgvector import HalfVector, Vector
from pgvector.psycopg import register_vector

from benchmarks import suite
from benchmarks.cache.synthetic import DIMENSIONS, Space, Vectors
from benchmarks.overhead import Bar
from kora_site.up.postgres import Postgres

if TYPE_CHECKING:
    from caching.vectors.index import Index

SIZES = (10_000, 100_000)
"""A million is asked for by name: building takes minutes and gigabytes."""
QUESTIONS = 300
WARM = 300
"""As in service: the pages of a graph that is searched are in memory already."""
K = 8
SHIPPED = "pgvector halfvec"
FEW, MANY = 10_000, 1_000_000
SHARES = (("95 %", 0.949), ("5 %", 0.05), ("0.1 %", 0.001))
"""Partitions, by what share of the entries is in them: the rest is filtered out."""
COPY_ENTRIES = """
COPY caching_entry (id, team_id, scope, fingerprint, surroundings, model_asked, backend, question,
                    answer, cost, tags, exchange_id, prompt_tokens, completion_tokens, expires_at)
FROM STDIN
"""
COPY_VECTORS = """
COPY caching_entryvector (entry_id, generation_id, partition, vector) FROM STDIN (FORMAT BINARY)
"""
COPY_PLAIN = "COPY plain (entry_id, partition, vector) FROM STDIN (FORMAT BINARY)"
NEAR_PLAIN = """
SELECT entry_id FROM plain WHERE CASE WHEN partition = %s THEN TRUE END
 ORDER BY vector <=> %s::vector LIMIT %s
"""
Ask = Callable[[Vectors], list[int]]
Connection = psycopg.Connection[Any]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One way to look, in one partition, at one size."""

    entries: int
    way: str
    share: str
    partition: int
    p50_ms: float
    p95_ms: float
    recall_1: float
    recall_8: float
    empty: int
    """Answers without any neighbour, though the partition has some."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One partition as it was made, to compare with."""

    share: str
    scope: str
    ids: list[int]
    vectors: Vectors
    asked: Vectors
    nearest: list[list[int]]


def measure(sizes: Sequence[int] = SIZES, *, only_shipped: bool = False) -> list[Row]:
    rows = []
    ways = _ways()[:1] if only_shipped else _ways()
    for size in sizes:
        with _database() as url, _connected(url) as connection:
            suite.say(f"storing {size:,} entries …")
            with _connected(url) as storing:
                parts = _store(storing, size)
            for way, build, ask in ways:
                began = time.monotonic()
                opened = build(connection)
                suite.say(f"{size:,} {way}: made in {time.monotonic() - began:.1f} s")
                rows += [_row(size, way, part, ask(connection, opened, part)) for part in parts]
                if opened is not None:
                    opened.close()
    return rows


def table(rows: Sequence[Row]) -> str:
    head = (
        f"{'entries':>9} {'in the partition':>16}  {'way':<28} {'p50 ms':>7} {'p95 ms':>7}"
        f" {'recall@1':>8} {'@8':>6} {'empty':>5}"
    )
    lines = [
        f"{row.entries:>9,} {row.partition:>8,} {row.share:>7}  {row.way:<28}"
        f" {row.p50_ms:>7.2f} {row.p95_ms:>7.2f} {row.recall_1:>8.3f} {row.recall_8:>6.3f}"
        f" {row.empty:>5}"
        for row in rows
    ]
    return "\n".join((head, *lines))


def bars(rows: Sequence[Row]) -> list[Bar]:
    """Only where both sizes were measured: a hundred times the entries, at most thrice the time."""
    large = {row.entries: row for row in rows if (row.way, row.share) == (SHIPPED, SHARES[0][0])}
    few, many = large.get(FEW), large.get(MANY)
    if few is None or many is None:
        return []
    text = f"p50 of finding among {MANY:,} entries, of {FEW:,}'s"
    text += f" (recall@1 {few.recall_1:.3f} and {many.recall_1:.3f})"
    ratio = round(many.p50_ms / few.p50_ms, 2)
    return [Bar(text=text, value=ratio, bound=3.0, at_most=True)]


@contextlib.contextmanager
def _database() -> Iterator[str]:
    """A server of its own, with KORA's tables and nothing in them."""
    with tempfile.TemporaryDirectory(prefix="kora-bench-") as folder:
        home = Path(folder)
        server = Postgres(home=home, durable=False)
        log = os.open(home / "postgres.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        server.start(log)
        try:
            words = {"KORA_HOME": folder, "KORA_DATABASE_URL": server.url, "KORA_SECRET_KEY": "x"}
            subprocess.run(
                [sys.executable, "manage.py", "migrate", "--verbosity=0"],
                env=os.environ | words,
                check=True,
            )
            yield server.url
        finally:
            server.stop()
            os.close(log)


def _connected(url: str) -> Connection:
    """As the hot path has it."""
    return psycopg.connect(url, autocommit=True, prepare_threshold=0)


def _store(connection: Connection, size: int) -> list[Part]:
    """Nobody asks whose entries these are, so foreign keys are left alone."""
    space = Space()
    connection.execute("SET session_replication_role = replica")
    connection.execute(
        "INSERT INTO caching_generation (id, embedder, dimensions, state)"
        " VALUES (1, 'x', %s, 'live')",
        (DIMENSIONS,),
    )
    connection.execute(
        f"CREATE TABLE plain (entry_id bigint, partition uuid, vector vector({DIMENSIONS}))"
    )
    register_vector(connection)
    parts, first = [], 1
    for number, (share, of_all) in enumerate(SHARES):
        count = round(size * of_all)
        vectors = np.concatenate(list(space.batches(count)))
        ids = list(range(first, first + count))
        first += count
        _copy(connection, f"t:{number}", ids, vectors)
        asked = space.asked(vectors, QUESTIONS + WARM)
        nearest = [_exact(vectors, ids, each) for each in asked]
        parts.append(
            Part(
                share=share, scope=f"t:{number}", ids=ids, vectors=vectors, asked=asked,
                nearest=nearest,
            )
        )  # fmt: skip
    connection.execute("ANALYZE")
    return parts


def _copy(connection: Connection, scope: str, ids: list[int], vectors: Vectors) -> None:
    partition = _partition(scope)
    with connection.cursor() as cursor:
        with cursor.copy(COPY_ENTRIES) as entries:
            for entry_id in ids:
                entries.write_row((
                    entry_id, 0, scope, str(entry_id), "s", "auto", "b", f"question {entry_id}",
                    b"answer", 0, "{}", UUID(int=entry_id), 0, 0, "2100-01-01",
                ))  # fmt: skip
        with cursor.copy(COPY_VECTORS) as halves:
            halves.set_types(["int8", "int8", "uuid", "halfvec"])
            for entry_id, vector in zip(ids, vectors, strict=True):
                halves.write_row((entry_id, 1, partition, HalfVector(vector)))
        with cursor.copy(COPY_PLAIN) as plain:
            plain.set_types(["int8", "uuid", "vector"])
            for entry_id, vector in zip(ids, vectors, strict=True):
                plain.write_row((entry_id, partition, Vector(vector)))


def _partition(scope: str) -> UUID:
    from caching.vectors import index

    return index.partition(scope, "s")


def _exact(vectors: Vectors, ids: list[int], asked: Vectors) -> list[int]:
    """In single precision, which no index here has: what halves lose is counted as well."""
    scores = vectors @ asked
    best = np.argpartition(-scores, min(K, len(ids) - 1))[:K]
    return [ids[place] for place in best[np.argsort(-scores[best])]]


def _ways() -> list[tuple[str, Callable[[Connection], Any], Callable[..., Ask]]]:
    return [
        (SHIPPED, _in_postgres, _neighbours),
        ("pgvector halfvec, read whole", _whole, _neighbours),
        ("FAISS in the process", _in_memory, _neighbours),
        ("pgvector vector, ids only", _plain, _near_plain),
    ]


def _in_postgres(connection: Connection) -> Index:
    from caching.vectors.pgvector_index import PgVector

    opened = PgVector()
    opened.build(connection, 1)
    return opened


def _whole(_: Connection) -> Index:
    from caching.vectors.pgvector_index import PgVector

    return PgVector(read_whole=1 << 30)


def _in_memory(connection: Connection) -> Index:
    from caching.vectors.faiss_index import Faiss

    opened = Faiss(most_bytes=1 << 40)
    opened.follow(connection, 1)
    return opened


def _plain(connection: Connection) -> None:
    """The same graph on single precision."""
    connection.execute("SET maintenance_work_mem = '2GB'")
    connection.execute("SET max_parallel_maintenance_workers = 0")
    connection.execute("CREATE INDEX ON plain USING hnsw (vector vector_cosine_ops)")
    connection.execute("ANALYZE plain")


def _neighbours(connection: Connection, opened: Index, part: Part) -> Ask:
    from caching.vectors.index import Sought

    def ask(vector: Vectors) -> list[int]:
        sought = Sought(generation=1, vector=vector, places=((part.scope, "s"),))
        return [each.entry_id for each in opened.neighbours(connection, sought, K)]

    return ask


def _near_plain(connection: Connection, _: None, part: Part) -> Ask:
    register_vector(connection)
    partition = _partition(part.scope)

    def ask(vector: Vectors) -> list[int]:
        values = (partition, Vector(vector), K)
        return [entry_id for (entry_id,) in connection.execute(NEAR_PLAIN, values, binary=True)]

    return ask


def _row(size: int, way: str, part: Part, ask: Ask) -> Row:
    times, first, all_, empty = [], 0, 0, 0
    for number, vector in enumerate(part.asked):
        began = time.perf_counter()
        found = ask(vector)
        took_ms = 1000 * (time.perf_counter() - began)
        if number < WARM:
            continue
        times.append(took_ms)
        right = part.nearest[number]
        first += found[:1] == right[:1]
        all_ += len(set(found) & set(right))
        empty += not found
    cuts = statistics.quantiles(times, n=20)
    return Row(
        entries=size,
        way=way,
        share=part.share,
        partition=len(part.ids),
        p50_ms=statistics.median(times),
        p95_ms=cuts[-1],
        recall_1=first / QUESTIONS,
        recall_8=all_ / (QUESTIONS * min(K, len(part.ids))),
        empty=empty,
    )


def main(given: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cache.index", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    rows = measure(parser.parse_args(given).sizes)
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
