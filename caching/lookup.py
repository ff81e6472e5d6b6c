"""The hot queries over stored answers; the scopes stand in every WHERE."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID

import orjson
import psycopg
from django.db import connection as django_connection

from caching import answers
from caching.question import standing
from caching.values import Asked, Fresh, Neighbour
from caching.vectors import crowding, index
from caching.vectors.index import Placed, Sought

if TYPE_CHECKING:
    from caching.values import Vector
    from caching.vectors.index import Connection

MOST_ALIKE = 16
"""Different answers to what is nearly one question that can be found by meaning."""

# Scope and what is looked for in it come as pairs: what may be had in one scope is not what may be
# had in another. Of what is found, what a person pinned goes first, then the most particular.
_ANSWER: LiteralString = """
SELECT backend, answer, chunks, cost, prompt_tokens, completion_tokens, exchange_id, created_at,
       extract(epoch FROM now() - created_at)::float8 AS age_s, id, pinned_at IS NOT NULL AS pinned
  FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS wanted (scope, mark, place)
"""
_SERVABLE: LiteralString = """
 WHERE e.quarantined_at IS NULL AND (e.expires_at > now() OR e.pinned_at IS NOT NULL)
"""
FIND: LiteralString = (
    _ANSWER
    + "JOIN caching_entry e ON e.fingerprint = wanted.mark AND e.scope = wanted.scope"
    + _SERVABLE
    + " ORDER BY e.pinned_at IS NULL, wanted.place, e.id DESC LIMIT 1"
)
FETCH: LiteralString = (
    _ANSWER
    + "JOIN caching_entry e ON e.surroundings = wanted.mark AND e.scope = wanted.scope"
    + _SERVABLE
    + " AND e.id = %s::bigint LIMIT 1"
)

# An answer lost in a crash is asked for again, so nobody waits for the disk. What a person pinned
# stands. One answer to a fingerprint moves between a team and its groups, never from or to a user.
# What was found of an answer goes with it, unless the new one says the same and nobody complained.
STORE: LiteralString = """
WITH quickly AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO caching_entry AS old (team_id, scope, fingerprint, surroundings, model_asked, backend,
                                  question, answer, answer_class, chunks, prompt_tokens,
                                  completion_tokens, cost, latency_ms, bytes, tags, exchange_id,
                                  shell, turn, expires_at)
SELECT %s, %s, %s, %s, %s, %s, %s, %s::bytea, %s::bytea, %s::bytea, %s::int, %s::int, %s::numeric,
       %s::float8, %s::int, %s::jsonb, %s::uuid, %s, %s, now() + %s::float8 * interval '1 second'
  FROM quickly
ON CONFLICT (team_id, fingerprint) DO UPDATE
   SET scope = excluded.scope, surroundings = excluded.surroundings,
       model_asked = excluded.model_asked, backend = excluded.backend,
       question = excluded.question, answer = excluded.answer,
       answer_class = excluded.answer_class, chunks = excluded.chunks,
       prompt_tokens = excluded.prompt_tokens, completion_tokens = excluded.completion_tokens,
       cost = excluded.cost, latency_ms = excluded.latency_ms, bytes = excluded.bytes,
       tags = excluded.tags, exchange_id = excluded.exchange_id, created_at = now(),
       shell = excluded.shell, turn = excluded.turn, expires_at = excluded.expires_at,
       quarantined_at = NULL, quarantine = '', doubts = 0,
       rights = CASE WHEN old.answer_class = excluded.answer_class AND old.answer_class <> ''
                      AND old.quarantined_at IS NULL THEN old.rights ELSE 0 END,
       wrongs = CASE WHEN old.answer_class = excluded.answer_class AND old.answer_class <> ''
                      AND old.quarantined_at IS NULL THEN old.wrongs ELSE 0 END
 WHERE old.pinned_at IS NULL
   AND (old.scope = excluded.scope
        OR (old.scope NOT LIKE 'u:%%' AND excluded.scope NOT LIKE 'u:%%'))
RETURNING id
"""

# Rows are locked in one order, so two processes that count never wait for each other in a circle.
COUNT_HITS: LiteralString = """
WITH quickly AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
     counted AS (SELECT * FROM unnest(%s::bigint[], %s::int[]) AS c (id, hits)),
     locked AS (SELECT e.id, c.hits FROM quickly, caching_entry e JOIN counted c USING (id)
                 ORDER BY e.id FOR NO KEY UPDATE OF e)
UPDATE caching_entry e SET hits = e.hits + locked.hits, last_hit_at = now()
  FROM locked WHERE e.id = locked.id
"""

CLASS: LiteralString = "SELECT answer_class, scope, surroundings FROM caching_entry WHERE id = %s"

FORGET_EXPIRED: LiteralString = """
DELETE FROM caching_entry WHERE id IN (
    SELECT id FROM caching_entry WHERE expires_at <= now() AND pinned_at IS NULL
     LIMIT %s FOR UPDATE SKIP LOCKED
)
"""


def find(connection: Connection, asked: Asked) -> tuple[Any, ...] | None:
    """The very same request, or a plain question that an answer stands for."""
    wanted = [(scope, asked.fingerprint) for scope in asked.within]
    if asked.question is not None:
        standing_for = standing.fingerprints(asked.question)
        wanted += [(scope, each) for each in standing_for for scope in standing.whole(asked)]
    return connection.execute(FIND, _columns(wanted), binary=True).fetchone()


def fetch(connection: Connection, asked: Asked, entry_id: int) -> tuple[Any, ...] | None:
    """The answer of a neighbour, if the caller may still have it; the columns are `find`'s."""
    values = (*_columns(places(asked)), entry_id)
    return connection.execute(FETCH, values, binary=True).fetchone()


def _columns(pairs: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [one for one, _ in pairs], [other for _, other in pairs]


def places(asked: Asked) -> tuple[tuple[str, str], ...]:
    """Without empty surroundings, which say that a question is not to be compared."""
    return tuple(place for place in standing.places(asked) if all(place))


def neighbours(
    connection: Connection, asked: Asked, generation: int, k: int = 8
) -> list[Neighbour]:
    """The nearest that may be served, the nearest first, a crowd of the same counted once."""
    if asked.vector is None:
        return []
    sought = Sought(generation=generation, vector=asked.vector, places=places(asked))
    found = index.house().neighbours(connection, sought, k * crowding.LOOKED_AT)
    return crowding.thinned(found, at_most=k)


def store(connection: Connection, fresh: Fresh) -> int | None:
    """The entry's id; None where an answer stands that a fresh one may not replace."""
    size = len(fresh.answer) + len(fresh.chunks or b"") + len(fresh.question.encode())
    row = connection.execute(
        STORE,
        (
            fresh.team_id,
            fresh.scope or f"t:{fresh.team_id}",
            fresh.fingerprint,
            fresh.surroundings,
            fresh.model_asked,
            fresh.backend,
            fresh.question,
            fresh.answer,
            answers.class_of(fresh.answer),
            fresh.chunks,
            fresh.prompt_tokens,
            fresh.completion_tokens,
            fresh.cost,
            fresh.latency_ms,
            size,
            orjson.dumps(dict(fresh.tags)).decode(),
            fresh.exchange_id,
            fresh.shell,
            fresh.turn,
            fresh.ttl_s,
        ),
    ).fetchone()
    return row[0] if row else None


def place(  # noqa: PLR0917 - as Placed has them
    connection: Connection, entry_id: int, partition: UUID, vector: Vector, generation: int
) -> bool:
    """Makes a stored question findable by meaning; done after the reply, for it takes a while.

    Not where the same answer to nearly the same question is findable already, or several others:
    whoever asks the same a thousand times has one voice.
    """
    row = connection.execute(CLASS, (entry_id,)).fetchone()
    if row is None or index.partition(row[1], row[2]) != partition:
        return False
    sought = Sought(generation=generation, vector=vector, places=((row[1], row[2]),))
    near = index.house().neighbours(connection, sought, MOST_ALIKE + 1)
    alike = [
        each for each in near if each.similarity >= crowding.ALIKE and each.entry_id != entry_id
    ]
    if len(alike) >= MOST_ALIKE or any(crowding.same(row[0], each) for each in alike):
        return False
    placed = Placed(entry_id=entry_id, generation=generation, partition=partition, vector=vector)
    try:
        index.house().add(connection, [placed])
    except psycopg.errors.ForeignKeyViolation:  # it was dropped meanwhile
        return False
    return True


def count_hits(connection: Connection, hits: Mapping[int, int]) -> None:
    connection.execute(COUNT_HITS, (list(hits), list(hits.values())))


def remove(connection: Connection, entry_ids: Sequence[int]) -> None:
    """From the index only, so that nothing is near them any more."""
    index.house().remove(connection, entry_ids)


def forget_expired(connection: Connection, *, at_most: int) -> int:
    return connection.execute(FORGET_EXPIRED, (at_most,)).rowcount


@contextmanager
def connect() -> Iterator[Connection]:
    """For background work: a connection of its own, in autocommit, to Django's database."""
    words = dict(django_connection.get_connection_params())
    for django_only in ("cursor_factory", "context", "server_side_binding"):
        words.pop(django_only, None)
    with psycopg.connect(**{**words, "autocommit": True}) as connection:
        yield connection
