"""What asking two backends at once has cost a team."""

from __future__ import annotations

from decimal import Decimal
from typing import LiteralString

from analytics.lookup import Connection

LOST = "hedge-lost"
"""The note of what a loser produced before it was let go."""
TODAY: LiteralString = """
SELECT coalesce(sum(cost), 0), coalesce(sum(cost) FILTER (WHERE note = %s::text), 0)
  FROM analytics_ledgerrow
 WHERE team_id = %s::bigint AND at >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
"""


def today(connection: Connection, team_id: int) -> tuple[Decimal, Decimal]:
    """What it has spent since midnight (UTC), and on losers of that."""
    row = connection.execute(TODAY, (LOST, str(team_id))).fetchone()
    return (Decimal(row[0]), Decimal(row[1])) if row else (Decimal(0), Decimal(0))
