"""Fills a KORA's store as if thousands of questions had been asked before."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import orjson
import psycopg
from pgvector import HalfVector
from pgvector.psycopg import register_vector

from benchmarks.cache import planning
from benchmarks.cache.index import COPY_VECTORS
from benchmarks.cache.planning import Plan
from benchmarks.cache.synthetic import Space
from benchmarks.cache.vectors import Vectors
from benchmarks.embed import texts
from caching import answers
from caching.vectors import index
from caching.vectors.pgvector_index import BUILD_LOCK, PgVector
from kora_site.up import postgres

FIRST = 1_000_000
"""Number of the first entry; KORA gives its own smaller ones."""
COPY_ENTRIES = """
COPY caching_entry (id, team_id, scope, fingerprint, surroundings, model_asked, backend, question,
                    answer, answer_class, cost, tags, exchange_id, prompt_tokens,
                    completion_tokens, bytes, expires_at)
FROM STDIN
"""
A_STORED_ONE = """
SELECT e.team_id, e.scope, e.answer, e.cost, g.id
  FROM caching_entry e, caching_generation g
 WHERE e.backend = 'mock' AND g.state = 'live' LIMIT 1
"""
Connection = psycopg.Connection[Any]


def database(home: Path) -> str:
    password = (home / "postgres.password").read_text().strip()
    place = quote(str((home / "postgres.socket").resolve()), safe="")
    return f"postgresql://{postgres.NAME}:{password}@/{postgres.NAME}?host={place}"


def store(connection: Connection, plan: Plan, entries: int) -> int:
    """As if they had been asked before; the team's number."""
    team, scope, answer, cost, generation = _stored_one(connection)
    surroundings = planning.surroundings("Anything?")
    register_vector(connection)
    partition = index.partition(scope, surroundings)
    whole = orjson.loads(answer)
    with connection.cursor() as cursor, cursor.copy(COPY_ENTRIES) as rows:
        for entry_id, text, _ in contents(plan, entries):
            body = _answer(whole, entry_id)
            rows.write_row((
                entry_id, team, scope, f"bench {entry_id}", surroundings, "mock", "mock",
                text, body, answers.class_of(body), cost, "{}", UUID(int=entry_id), 12, 8,
                len(body), "2100-01-01",
            ))  # fmt: skip
    _without_graph(connection, generation)
    with connection.cursor() as cursor, cursor.copy(COPY_VECTORS) as halves:
        halves.set_types(["int8", "int8", "uuid", "halfvec"])
        for entry_id, _, vector in contents(plan, entries):
            halves.write_row((entry_id, generation, partition, HalfVector(vector)))
    connection.execute("ANALYZE")
    return int(team)


def _without_graph(connection: Connection, generation: int) -> None:
    """It grows slower than it is built, and KORA's own worker shall not begin before all is there:
    the lock that keeps two from building is held until this connection ends."""
    taken = "SELECT pg_try_advisory_lock(%s, %s::int)"
    while connection.execute(taken, (BUILD_LOCK, generation)).fetchone() != (True,):
        time.sleep(0.2)
    PgVector().drop(connection, generation)


def _stored_one(connection: Connection) -> tuple[Any, ...]:
    """What KORA made of a first question: whose answers are kept, and where vectors go."""
    ends_s = time.monotonic() + 60
    while time.monotonic() < ends_s:
        row = connection.execute(A_STORED_ONE).fetchone()
        if row is not None:
            return tuple(row)
        time.sleep(0.2)
    raise SystemExit("KORA stored no answer, or has no generation of vectors.")


def contents(plan: Plan, entries: int) -> Iterator[tuple[int, str, Vectors]]:
    """Number, text, vector: the real ones are spread among the others."""
    rest = entries - len(plan.stored)
    made = itertools.chain.from_iterable(Space().batches(rest))
    others = zip(texts.questions(rest), made, strict=True)
    real = zip(plan.stored, plan.vectors, strict=True)
    every = max(1, entries // max(1, len(plan.stored)))
    for number in range(entries):
        source, spare = (real, others) if number % every == 0 else (others, real)
        text, vector = next(source, None) or next(spare)
        yield FIRST + number, text, vector


def _answer(whole: dict[str, Any], number: int) -> bytes:
    """No two say the same."""
    message = {"role": "assistant", "content": f"This is what is known about number {number}."}
    return orjson.dumps({**whole, "choices": [{**whole["choices"][0], "message": message}]})


def build(connection: Connection) -> float:
    began = time.monotonic()
    PgVector().build(connection, _stored_one(connection)[-1])
    return round(time.monotonic() - began, 1)
