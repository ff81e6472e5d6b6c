"""The hand-written SQL of routing: one row a poll, one row a call."""

from __future__ import annotations

from typing import Any

import psycopg

REVISION = "SELECT number FROM teams_revision WHERE id = 1"

TARGET = """
SELECT name, kind, model, api_base, secret_sealed, timeouts, options, updated_at
  FROM routing_backend WHERE id = %s
"""


KEYS = """
SELECT id, label, secret_sealed, refused_at, created_at
  FROM routing_backendkey WHERE backend_id = %s AND enabled ORDER BY id
"""
REFUSE = """
UPDATE routing_backendkey SET refused_at = now(), refusal = %(why)s
 WHERE id = %(key)s AND refused_at IS NULL
"""
REFUSE_OWN = """
WITH known AS (
    UPDATE routing_backendkey SET refused_at = now(), refusal = %(why)s
     WHERE backend_id = %(backend)s AND secret_sealed = '' RETURNING id)
INSERT INTO routing_backendkey (backend_id, label, secret_sealed, enabled, refused_at, refusal)
SELECT %(backend)s, '', '', true, now(), %(why)s WHERE NOT EXISTS (SELECT 1 FROM known)
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


def keys(connection: psycopg.Connection[Any], backend_id: int) -> list[tuple[Any, ...]]:
    return connection.execute(KEYS, (backend_id,)).fetchall()


def refuse(connection: psycopg.Connection[Any], backend_id: int, key_id: int, why: str) -> None:
    """Key 0 is the one in the backend's own row; what is known of it is a row without a secret."""
    words = {"backend": backend_id, "key": key_id, "why": why}
    connection.execute(REFUSE if key_id else REFUSE_OWN, words)


def ours(connection: psycopg.Connection[Any]) -> list[int]:
    return [row[0] for row in connection.execute(OURS).fetchall()]
