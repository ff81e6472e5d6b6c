"""The hand-written SQL of idempotent requests: each verb is one statement on one row.

A row is `running` until its answer is in it. Whoever works on the request renews its lease; where
that is over and there is no answer, the next one of its name takes the row over. Where a request
has two calls in the air (`contested`) what a worker writes is a draft: the web process says which
one counts, and only if it dies too the draft is given.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, LiteralString, TypeAlias
from uuid import UUID

import orjson
import psycopg

from routing.idempotency.values import KEPT_S, TOO_LARGE, Conflict, Kept, Mine, Named, Running, Told

Connection: TypeAlias = psycopg.Connection[Any]
Found: TypeAlias = Mine | Running | Told | Conflict
ROUNDS = 5
"""Between two looks a row may come or go; so often in a row it does not."""

BEGIN: LiteralString = """
INSERT INTO routing_idempotent AS i (key_id, name, digest, exchange_id, lease_until, expires_at)
VALUES (%s::bigint, %s::text, %s::text, %s::uuid, now() + %s::float8 * interval '1 second',
    now() + %s::float8 * interval '1 second')
ON CONFLICT (key_id, name) DO UPDATE SET digest = EXCLUDED.digest,
    exchange_id = EXCLUDED.exchange_id, lease_until = EXCLUDED.lease_until,
    expires_at = EXCLUDED.expires_at, created_at = now(), state = 'running', answer = NULL,
    streamed = false, headers = '{}', contested = false, replays = 0
WHERE i.expires_at <= now()
    OR (i.state = 'running' AND i.lease_until <= now() AND i.answer IS NULL)
RETURNING id
"""
LOOK: LiteralString = """
SELECT id, exchange_id, digest, state,
    state = 'running' AND (lease_until > now() OR answer IS NULL) AS runs
FROM routing_idempotent WHERE key_id = %s::bigint AND name = %s::text
"""
TELL: LiteralString = """
UPDATE routing_idempotent SET replays = replays + 1, state = 'answered'
WHERE id = %s::bigint AND exchange_id = %s::uuid AND answer IS NOT NULL
RETURNING answer, streamed, headers
"""
RUNS: LiteralString = """
SELECT 1 FROM routing_idempotent
WHERE id = %s::bigint AND exchange_id = %s::uuid AND state = 'running' AND lease_until > now()
"""
KEEP: LiteralString = """
UPDATE routing_idempotent SET answer = %s::bytea, streamed = %s::boolean, headers = %s::jsonb,
    state = %s::text
WHERE id = %s::bigint AND exchange_id = %s::uuid AND state = 'running'
"""
DRAFT: LiteralString = """
UPDATE routing_idempotent SET answer = %s::bytea, streamed = %s::boolean, headers = %s::jsonb,
    state = CASE WHEN contested THEN 'running' ELSE %s::text END
WHERE id = %s::bigint AND exchange_id = %s::uuid AND state = 'running'
"""
CONTEST: LiteralString = """
UPDATE routing_idempotent SET contested = true
WHERE id = %s::bigint AND exchange_id = %s::uuid AND state = 'running'
"""
LEAVE: LiteralString = """
UPDATE routing_idempotent SET contested = false,
    state = CASE WHEN answer IS NULL THEN 'running' ELSE 'answered' END
WHERE id = %s::bigint AND exchange_id = %s::uuid AND state = 'running'
"""
RELEASE: LiteralString = """
DELETE FROM routing_idempotent
WHERE id = %s::bigint AND exchange_id = %s::uuid AND state = 'running'
"""
RENEW: LiteralString = """
UPDATE routing_idempotent SET lease_until = now() + %s::float8 * interval '1 second'
WHERE (id, exchange_id) IN (SELECT * FROM unnest(%s::bigint[], %s::uuid[])) AND state = 'running'
"""
EXPIRE: LiteralString = """
DELETE FROM routing_idempotent WHERE id IN (
    SELECT id FROM routing_idempotent WHERE expires_at <= now() ORDER BY expires_at LIMIT 1000
)
"""


def begin(connection: Connection, named: Named, exchange_id: UUID, *, lease_s: float) -> Found:
    """Whether this request is the first of its name, and what has become of the first if not."""
    given = (named.key_id, named.name, named.digest, exchange_id, lease_s, KEPT_S)
    for _ in range(ROUNDS):
        row = connection.execute(BEGIN, given).fetchone()
        if row is not None:
            return Mine(row_id=row[0], exchange_id=exchange_id)
        found = _look(connection, named)
        if found is not None:
            return found
    raise psycopg.OperationalError("an idempotent request came and went too often")


def _look(connection: Connection, named: Named) -> Found | None:
    row = connection.execute(LOOK, (named.key_id, named.name)).fetchone()
    if row is None:
        return None
    row_id, exchange_id, digest, state, runs = row
    if digest != named.digest:
        return Conflict(why="other-body", exchange_id=exchange_id)
    if state == TOO_LARGE:
        return Conflict(why=TOO_LARGE, exchange_id=exchange_id)
    if runs:
        return Running(row_id=row_id, exchange_id=exchange_id)
    return _tell(connection, row_id, exchange_id)


def _tell(connection: Connection, row_id: int, exchange_id: UUID) -> Told | None:
    row = connection.execute(TELL, (row_id, exchange_id)).fetchone()
    return row and Told(answer=bytes(row[0]), streamed=row[1], headers=row[2])


def runs(connection: Connection, running: Running) -> bool:
    """Whether somebody still works on it."""
    return connection.execute(RUNS, (running.row_id, running.exchange_id)).fetchone() is not None


def keep(connection: Connection, kept: Kept) -> None:
    """The last word on it: what the first one was told."""
    connection.execute(KEEP, _told(kept))


def draft(connection: Connection, kept: Kept) -> None:
    """A worker's word on it, which is the last one unless the request has two calls in the air."""
    connection.execute(DRAFT, _told(kept))


def _told(kept: Kept) -> tuple[Any, ...]:
    answer, state = (kept.answer, "answered") if kept.fits else (None, TOO_LARGE)
    headers = orjson.dumps(dict(kept.headers)).decode()
    return (answer, kept.streamed, headers, state, kept.mine.row_id, kept.mine.exchange_id)


def contest(connection: Connection, mine: Mine) -> None:
    connection.execute(CONTEST, (mine.row_id, mine.exchange_id))


def leave(connection: Connection, mine: Mine) -> None:
    """There is one call in the air again, and nobody beside its worker who could say more."""
    connection.execute(LEAVE, (mine.row_id, mine.exchange_id))


def release(connection: Connection, mine: Mine) -> None:
    """It was not answered: whoever asks again is the first."""
    connection.execute(RELEASE, (mine.row_id, mine.exchange_id))


def renew(connection: Connection, rows: Collection[Mine], *, lease_s: float) -> None:
    ids, exchanges = [each.row_id for each in rows], [each.exchange_id for each in rows]
    connection.execute(RENEW, (lease_s, ids, exchanges))


def expire(connection: Connection) -> int:
    """How many that are too old to be given again were forgotten."""
    return connection.execute(EXPIRE).rowcount
