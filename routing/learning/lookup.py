"""The SQL of learning: what is claimed, what is published."""

from __future__ import annotations

CLAIM = """
WITH claimed AS (
  SELECT exchange_id FROM routing_outcome WHERE seen_at IS NULL
   ORDER BY changed_at LIMIT %s FOR UPDATE SKIP LOCKED)
UPDATE routing_outcome o SET seen_at = now() FROM claimed
 WHERE o.exchange_id = claimed.exchange_id
RETURNING o.at, o.exchange_id, o.team_id, o.intent, o.backend, o.features, o.embedder,
          o.vector::text, o.parts, o.ok, o.expected, o.completion_tokens
"""

AGAIN = """
SELECT at, exchange_id, team_id, intent, backend, features, embedder, vector::text, parts, ok,
       expected, completion_tokens
  FROM routing_outcome WHERE seen_at IS NOT NULL ORDER BY at DESC LIMIT %s
"""

LAST = """
SELECT id, made_at, weights, evidence, facts FROM routing_routermind
 WHERE withdrawn_at IS NULL ORDER BY id DESC LIMIT 1
"""

PUBLISH = """
INSERT INTO routing_routermind (made_at, weights, evidence, facts, note, withdrawn_at, withdrawn_by)
VALUES (now(), %s, %s, %s, %s, %s, %s) RETURNING id
"""

# Under traffic a version is seconds old when the next comes, and who finds a bad one comes later:
# beside the newest stay the last of each hour and day, and whatever is in force.
FORGET = """
WITH standing AS (SELECT id, made_at FROM routing_routermind WHERE withdrawn_at IS NULL)
DELETE FROM routing_routermind WHERE id NOT IN (
  SELECT id FROM (SELECT id FROM routing_routermind ORDER BY id DESC LIMIT %s) newest
  UNION SELECT max(id) FROM standing HAVING max(id) IS NOT NULL
  UNION SELECT max(id) FROM standing WHERE made_at > now() - interval '1 day'
         GROUP BY date_trunc('hour', made_at)
  UNION SELECT max(id) FROM standing WHERE made_at > now() - interval '14 days'
         GROUP BY date_trunc('day', made_at))
"""

# How many answers anybody said anything about.
JUDGED = """
SELECT coalesce(avg((parts <> '{}'::jsonb)::int), 0)::float8 FROM (
  SELECT parts FROM routing_outcome WHERE ok ORDER BY at DESC LIMIT 2000) newest
"""

VECTORS = "SELECT count(*) FROM routing_outcome WHERE vector IS NOT NULL"

WRITTEN = "SELECT name, quality FROM routing_backend"

WEIGHTS = """
SELECT DISTINCT ON (team_id) team_id, content -> 'settings' -> 'rewards' FROM routing_policy
 WHERE state = 'published' ORDER BY team_id, number DESC
"""
