"""What was learned of intents, in this process's memory; newer minds replace older ones."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, LiteralString

import psycopg

from routing.intents import minds
from routing.intents.minds import Mind
from routing.intents.opinions import Minds

EVERY_S = 1.0
SHIPPED = 0
"""In place of a team's id: the types that every team has."""

# Weights travel once; a mind of another embedder's vectors says nothing to these.
NEWEST: LiteralString = """
SELECT DISTINCT ON (team_id) coalesce(team_id, 0), id,
       CASE WHEN id = ANY(%s::bigint[]) THEN NULL ELSE weights END
  FROM routing_intentmind WHERE embedder = %s ORDER BY team_id, id DESC
"""

_known: Mapping[int, tuple[int, Mind]] = {}
_read_at = 0.0
_embedder = ""


def of(team_id: int, embedder: str) -> Minds:
    """None of them where another embedder makes the vectors now."""
    if embedder != _embedder:
        return Minds()
    nothing = (0, minds.UNTAUGHT)
    return Minds(own=_known.get(team_id, nothing)[1], shipped=_known.get(SHIPPED, nothing)[1])


def look(connection: psycopg.Connection[Any], embedder: str, *, every_s: float = EVERY_S) -> None:
    """Reads them again if that was not done of late; the process's watch calls it all the time."""
    global _known, _read_at, _embedder
    if _read_at and time.monotonic() - _read_at < every_s and embedder == _embedder:
        return
    before = _known if embedder == _embedder else {}
    ids = [mind_id for mind_id, _ in before.values()]
    rows = connection.execute(NEWEST, (ids, embedder)).fetchall()
    _known = {
        team_id: before[team_id] if weights is None else (mind_id, minds.from_bytes(weights))
        for team_id, mind_id, weights in rows
    }
    _read_at, _embedder = time.monotonic(), embedder


def forget() -> None:
    global _known, _read_at, _embedder
    _known, _read_at, _embedder = {}, 0.0, ""
