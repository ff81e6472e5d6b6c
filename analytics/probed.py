"""What asking a backend whether it is well again has cost; no team pays for it."""

from __future__ import annotations

from decimal import Decimal
from typing import LiteralString

from analytics.lookup import Connection

NOTE = "probe"
HOUSE = 0
"""In place of a team: KORA asked for itself, and no team's request was the reason."""
TIER = "judge"
TODAY: LiteralString = """
SELECT coalesce((
    SELECT sum(cost) FROM analytics_ledgerrow
     WHERE team_id = %(house)s::bigint AND tier = %(tier)s::text AND backend = %(backend)s::text
       AND at >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
), 0) + coalesce((
    SELECT sum(a.amount) FROM analytics_attempt a JOIN analytics_exchange e ON e.id = a.exchange_id
     WHERE a.state IN ('held', 'running') AND a.tier = %(tier)s::text
       AND a.backend = %(backend)s::text AND e.team_id = %(house)s::bigint
), 0)
"""


def today(connection: Connection, backend: str) -> Decimal:
    """Since midnight (UTC), with what is held for it now."""
    asked = {"house": str(HOUSE), "tier": TIER, "backend": backend}
    row = connection.execute(TODAY, asked).fetchone()
    return Decimal(row[0]) if row else Decimal(0)
