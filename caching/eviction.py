"""Keeps each team's answers inside its budget of rows and bytes: the least useful ones go first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from caching.values import Terms

if TYPE_CHECKING:
    from caching.vectors.index import Connection

BATCH = 1_000
SLACK = 0.02
"""What is freed beyond the need, so that the next answer does not begin it anew."""
USD_A_SECOND = 0.0001
"""What a second of waiting that an answer saves is worth beside its dollars."""
HALF_LIFE_DAYS = 7.0

# Expected saving: what asking again costs, times how often it will be asked (uses a day, fewer the
# longer it was not asked for), times how surely it is right. What cannot be served saves nothing.
SAVING: LiteralString = """
CASE WHEN expires_at <= now() THEN -2 WHEN quarantined_at IS NOT NULL THEN -1
ELSE (cost::float8 + latency_ms / 1000 * %(usd_a_second)s + 1e-9)
   * (hits + 0.3) / (1 + extract(epoch FROM now() - created_at)::float8 / 86400)
   * power(0.5, extract(epoch FROM now() - coalesce(last_hit_at, created_at))::float8
                / 86400 / %(half_life)s)
   * (rights + 4.5) / (rights + wrongs + 5) END
"""
TAKEN: LiteralString = """
SELECT e.team_id, count(*), sum(greatest(e.bytes, octet_length(e.question)))::bigint
  FROM caching_entry e GROUP BY e.team_id
"""
BUDGETS: LiteralString = "SELECT team_id, rows, bytes FROM caching_cacheterms"
# All of it is constant, whatever S608 suspects.
EVICT: LiteralString = (
    """
WITH valued AS (SELECT id, bytes, """  # noqa: S608
    + SAVING
    + """ AS saving FROM caching_entry
                 WHERE team_id = %(team)s AND pinned_at IS NULL),
     ranked AS (SELECT id, row_number() OVER least AS place, sum(bytes) OVER least - bytes AS before
                  FROM valued WINDOW least AS (ORDER BY saving, id)),
     chosen AS (SELECT id FROM ranked WHERE place <= %(rows)s OR before < %(bytes)s
                 ORDER BY place LIMIT %(batch)s),
     locked AS (SELECT id, bytes FROM caching_entry JOIN chosen USING (id)
                 FOR UPDATE OF caching_entry SKIP LOCKED),
     gone AS (DELETE FROM caching_entry e USING locked WHERE e.id = locked.id
               AND e.pinned_at IS NULL RETURNING e.bytes)
SELECT count(*), coalesce(sum(bytes), 0)::bigint FROM gone
"""
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Excess:
    """What one team has beyond its budget."""

    team_id: int
    rows: int
    bytes: int


def excesses(connection: Connection) -> list[Excess]:
    usual = Terms()
    budgets = {team: (rows, size) for team, rows, size in connection.execute(BUDGETS)}
    found = []
    for team_id, rows, size in connection.execute(TAKEN).fetchall():
        most_rows, most_bytes = budgets.get(team_id, (usual.rows, usual.bytes))
        over = _beyond(rows, most_rows), _beyond(size or 0, most_bytes)
        if any(over):
            found.append(Excess(team_id=team_id, rows=over[0], bytes=over[1]))
    return found


def _beyond(taken: int, budget: int) -> int:
    return taken - int(budget * (1 - SLACK)) if taken > budget else 0


def evict(connection: Connection, excess: Excess) -> int:
    """In batches, each a transaction of its own; ends early where the rest is pinned or locked."""
    rows, size, evicted = excess.rows, excess.bytes, 0
    while rows > 0 or size > 0:
        words = {
            "team": excess.team_id,
            "rows": max(0, rows),
            "bytes": max(0, size),
            "batch": BATCH,
            "usd_a_second": USD_A_SECOND,
            "half_life": HALF_LIFE_DAYS,
        }
        counted = connection.execute(EVICT, words).fetchone()
        gone, freed = counted if counted else (0, 0)
        if not gone:
            break
        rows, size, evicted = rows - gone, size - freed, evicted + gone
    return evicted


def keep_budgets(connection: Connection) -> int:
    return sum(evict(connection, excess) for excess in excesses(connection))
