"""Minds as rows: what a team's judge learns from its evidence, and what is in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from caching import lookup
from caching.judge import features, minds
from caching.judge.minds import Mind, Sample

LOOKS_BACK = 16_000
"""Pieces of evidence, the newest, that a mind is made from."""
KEPT = 20

IN_FORCE = """
SELECT DISTINCT ON (team_id) team_id, seen, learned
  FROM caching_mind WHERE withdrawn_at IS NULL ORDER BY team_id, id DESC
"""

# Guarded neighbours are never served, and callers complain of what is wrong only: neither
# tells how often what is served is right.
EVIDENCE = """
SELECT features, "right", weight, served FROM caching_evidence
 WHERE team_id = %s AND "right" IS NOT NULL AND guard = '' AND source IN ('miss', 'shadow')
   AND cardinality(features) = %s
 ORDER BY id DESC LIMIT %s
"""

STORE = """
INSERT INTO caching_mind (team_id, made_at, seen, learned) VALUES (%s, now(), %s, %s)
"""

FORGET = """
DELETE FROM caching_mind WHERE team_id = %s AND id NOT IN (
    SELECT id FROM caching_mind WHERE team_id = %s ORDER BY id DESC LIMIT %s)
"""


def minds_in_force(connection: psycopg.Connection[Any]) -> Mapping[int, Mind]:
    rows = connection.execute(IN_FORCE).fetchall()
    return {team_id: minds.from_json(learned, seen=seen) for team_id, seen, learned in rows}


def learn(team_id: int) -> Mind:
    """A new mind from the newest evidence; too little of it leaves everything as it is."""
    with lookup.connect() as connection:
        samples = _samples(connection, team_id)
        before = minds_in_force(connection).get(team_id, minds.UNTAUGHT)
        mind = minds.learn(samples, before)
        if mind.taught:
            connection.execute(STORE, (team_id, mind.seen, Jsonb(mind.as_json())))
            connection.execute(FORGET, (team_id, team_id, KEPT))
    return mind


def _samples(connection: psycopg.Connection[Any], team_id: int) -> list[Sample]:
    """The oldest first."""
    rows = connection.execute(EVIDENCE, (team_id, len(features.NAMES), LOOKS_BACK)).fetchall()
    return [
        Sample(features=tuple(seen), right=right, weight=weight, served=served)
        for seen, right, weight, served in reversed(rows)
    ]
