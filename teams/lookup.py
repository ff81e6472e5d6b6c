"""The hand-written SQL of teams: when keys were last used, all in one trip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString

import psycopg

# A key may have been deleted since, and another process may have seen it later than this one.
NOTE_USES: LiteralString = """
INSERT INTO teams_keyuse AS u (key_id, last_used_at)
SELECT k.id, to_timestamp(said.at)
FROM unnest(%s::bigint[], %s::double precision[]) AS said(id, at)
JOIN teams_apikey k ON k.id = said.id ORDER BY k.id
ON CONFLICT (key_id) DO UPDATE SET last_used_at = EXCLUDED.last_used_at
WHERE u.last_used_at < EXCLUDED.last_used_at
"""


def note_uses(connection: psycopg.Connection[Any], uses: Mapping[int, float]) -> None:
    """`uses`: seconds since 1970 by key id."""
    connection.execute(NOTE_USES, (list(uses), list(uses.values())))
