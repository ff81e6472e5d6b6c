"""How often each rule held of late, counted from receipts."""

from __future__ import annotations

from django.db import connection

NEWEST = 5_000
"""Receipts that are looked at: enough to see what a rule does, and quick."""
HOURS = 24
COUNT = """
SELECT name, count(*) FROM (
  SELECT receipt -> 'rules' -> 'held' AS held FROM analytics_exchange
   WHERE at > now() - %(hours)s * interval '1 hour'
     AND (%(team)s::bigint IS NULL OR team_id = %(team)s)
   ORDER BY at DESC, id DESC LIMIT %(newest)s
) newest, jsonb_array_elements_text(
  CASE jsonb_typeof(held) WHEN 'array' THEN held ELSE '[]' END
) name
GROUP BY name
"""


def of(team_id: int | None) -> dict[str, int]:
    """By rule's name; of everyone's, over all teams."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {"team": team_id, "newest": NEWEST, "hours": HOURS})
        return {str(name): int(count) for name, count in cursor.fetchall()}
