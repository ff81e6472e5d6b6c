"""The hand-written SQL of routing: one row a poll, one row a call."""

from __future__ import annotations

from typing import Any

import psycopg

REVISION = "SELECT number FROM teams_revision WHERE id = 1"

TARGET = """
SELECT name, kind, model, api_base, secret_sealed, timeouts, options, updated_at
  FROM routing_backend WHERE id = %s
"""


OURS = """
SELECT id FROM routing_backend
 WHERE kind = 'local' AND enabled AND NOT 'embeddings' = ANY(capabilities)
 ORDER BY weight DESC, name
"""


def revision(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(REVISION).fetchone()
    return int(row[0]) if row else 0


def target(connection: psycopg.Connection[Any], backend_id: int) -> tuple[Any, ...] | None:
    return connection.execute(TARGET, (backend_id,)).fetchone()


def ours(connection: psycopg.Connection[Any]) -> list[int]:
    return [row[0] for row in connection.execute(OURS).fetchall()]
