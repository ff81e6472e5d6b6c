"""What became of decisions, as rows: written once, and added to when somebody says more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from caching import lookup as stored

if TYPE_CHECKING:
    from caching.values import Vector

Connection = psycopg.Connection[Any]
MINUTES = 15
"""For so long asking again tells of the answer before."""

# A word of feedback may be quicker than this row: it is in the book already, and taken from there.
KEEP: LiteralString = """
WITH quickly AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO routing_outcome (exchange_id, at, team_id, intent, complexity, backend, policy, learned,
       propensity, explored, expected, features, embedder, vector, session, mark, experiment, ok,
       cost, total_ms, first_content_ms, prompt_tokens, completion_tokens, parts, changed_at)
SELECT %(exchange_id)s::uuid, %(at)s, %(team_id)s, %(intent)s, %(complexity)s::float8, %(backend)s,
       %(policy)s, %(learned)s, %(propensity)s, %(explored)s, %(expected)s::float8, %(features)s,
       %(embedder)s, %(vector)s::halfvec, %(session)s, %(mark)s, %(experiment)s, %(ok)s, %(cost)s,
       %(total_ms)s, %(first_content_ms)s::float8, %(prompt_tokens)s, %(completion_tokens)s,
       %(parts)s::jsonb || coalesce((
         SELECT jsonb_strip_nulls(jsonb_build_object(
                  'score', f.score,
                  'thumb', CASE f.thumb WHEN 1 THEN 1 WHEN -1 THEN 0 END,
                  'wrong_answer', CASE WHEN f.wrong_answer THEN 0 END,
                  'correction', CASE WHEN f.correction <> '' THEN 0 END))
           FROM analytics_feedback f
          WHERE f.exchange_id = %(exchange_id)s::uuid AND f.team_id = %(team_id)s), '{}'::jsonb),
       now()
  FROM quickly
ON CONFLICT (exchange_id) DO NOTHING
"""

HOLD: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 7205002))"

NOTE: LiteralString = """
UPDATE routing_outcome SET parts = parts || %s::jsonb, changed_at = now(), seen_at = NULL
 WHERE exchange_id = %s::uuid AND team_id = %s AND NOT parts @> %s::jsonb
"""

BEFORE: LiteralString = """
SELECT exchange_id, mark FROM routing_outcome
 WHERE team_id = %s AND session = %s AND session <> '' AND exchange_id <> %s::uuid
   AND at > now() - %s::int * interval '1 minute'
 ORDER BY at DESC LIMIT 1
"""


FORGET: LiteralString = """
DELETE FROM routing_outcome WHERE at < now() - %s::int * interval '1 day'
"""
DAYS = 180
"""What is older is neither learned from nor simulated with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Came:
    """One decided request and how it went, as its row has it; no words of anybody."""

    exchange_id: UUID
    at: datetime
    team_id: int
    intent: str
    complexity: float | None
    backend: str
    policy: int
    learned: int
    propensity: float
    explored: bool
    expected: float | None
    features: tuple[float, ...]
    embedder: str
    vector: Vector | None
    session: str
    mark: str
    """Of what was asked: the same again has the same."""
    experiment: str
    ok: bool
    cost: float
    total_ms: float
    first_content_ms: float | None
    prompt_tokens: int
    completion_tokens: int
    parts: Mapping[str, float]


def hold(connection: Connection, exchange_id: UUID) -> None:
    """Until the transaction ends: of a row and the first word about it, whichever comes second sees
    the other."""
    connection.execute(HOLD, (str(exchange_id),))


def keep(connection: Connection, came: Came) -> None:
    said = {name: getattr(came, name) for name in Came.__slots__}
    vector = None if came.vector is None else f"[{','.join(f'{x:.5f}' for x in came.vector)}]"
    written = {
        **said,
        "vector": vector,
        "features": Jsonb([round(x, 5) for x in came.features]),
        "parts": Jsonb(dict(came.parts)),
    }
    with connection.transaction():
        hold(connection, came.exchange_id)
        connection.execute(KEEP, written)


def note(
    connection: Connection, exchange_id: UUID, team_id: int, parts: Mapping[str, float]
) -> bool:
    """Whether that was news of an outcome there is; it is learned from again then."""
    said = Jsonb(dict(parts))
    done = connection.execute(NOTE, (said, exchange_id, team_id, said))
    return done.rowcount == 1


def forget(days: int = DAYS) -> int:
    with stored.connect() as connection:
        return connection.execute(FORGET, (days,)).rowcount


def before(connection: Connection, came: Came) -> tuple[UUID, str] | None:
    """The answer before this one in its session, and the mark of what was asked then."""
    found = connection.execute(BEFORE, (came.team_id, came.session, came.exchange_id, MINUTES))
    row = found.fetchone()
    return (row[0], row[1]) if row else None
