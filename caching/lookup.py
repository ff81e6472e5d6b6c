"""The hot queries over stored answers; the scopes stand in every WHERE."""

from __future__ import annotations

from typing import Any

import psycopg

from caching.values import Asked, Fresh

FIND = """
SELECT backend, answer, chunks, cost, prompt_tokens, completion_tokens, exchange_id, created_at,
       extract(epoch FROM now() - created_at)::float8
  FROM caching_entry
 WHERE fingerprint = %s AND scope = ANY(%s) AND quarantined_at IS NULL
   AND (expires_at > now() OR pinned_at IS NOT NULL)
 ORDER BY pinned_at NULLS LAST, id DESC LIMIT 1
"""

# An answer lost in a crash is asked for again, so nobody waits for the disk.
STORE = """
WITH quickly AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO caching_entry (team_id, scope, fingerprint, model_asked, backend, question, answer,
                           chunks, prompt_tokens, completion_tokens, cost, tags, exchange_id,
                           expires_at)
SELECT %s, %s, %s, %s, %s, %s, %s::bytea, %s::bytea, %s::int, %s::int, %s::numeric, '{}'::jsonb,
       %s::uuid, now() + %s::float8 * interval '1 second'
  FROM quickly
ON CONFLICT (team_id, fingerprint) DO UPDATE
   SET backend = excluded.backend, answer = excluded.answer, chunks = excluded.chunks,
       prompt_tokens = excluded.prompt_tokens, completion_tokens = excluded.completion_tokens,
       cost = excluded.cost, exchange_id = excluded.exchange_id, created_at = now(),
       expires_at = excluded.expires_at, quarantined_at = NULL
"""

FORGET_EXPIRED = """
DELETE FROM caching_entry WHERE id IN (
    SELECT id FROM caching_entry WHERE expires_at <= now() LIMIT %s FOR UPDATE SKIP LOCKED
)
"""


def find(connection: psycopg.Connection[Any], asked: Asked) -> tuple[Any, ...] | None:
    return connection.execute(FIND, (asked.fingerprint, list(asked.within)), binary=True).fetchone()


def store(connection: psycopg.Connection[Any], fresh: Fresh) -> None:
    connection.execute(
        STORE,
        (
            fresh.team_id,
            fresh.scope or f"t:{fresh.team_id}",
            fresh.fingerprint,
            fresh.model_asked,
            fresh.backend,
            fresh.question,
            fresh.answer,
            fresh.chunks,
            fresh.prompt_tokens,
            fresh.completion_tokens,
            fresh.cost,
            fresh.exchange_id,
            fresh.ttl_s,
        ),
    )


def forget_expired(connection: psycopg.Connection[Any], *, at_most: int) -> int:
    return connection.execute(FORGET_EXPIRED, (at_most,)).rowcount
