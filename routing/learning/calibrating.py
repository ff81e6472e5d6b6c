"""Learns from receipts how predictions of being late are to be put right, and publishes that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from routing.models import Calibration
from routing.policy import calibration
from routing.policy.calibration import Line, Lines, Seen

DAYS = 14
MOST = 20_000
"""Of the newest requests."""
LEAST = 50
"""Requests of each half, below which nothing is put right."""
KEPT = 200
SAME = 0.02
"""Lines that differ by less than this are no news."""
# As `analytics.promises.predictions` counts them, but as they were before they were put right. What
# had become of one that a hedge overtook nobody knows; how likely late it was then stands for that:
# without those that were silent, the others look better than they are.
SEEN = """
SELECT receipt -> 'prediction' ->> 'backend', (receipt -> 'prediction' ->> 'raw')::float8,
       CASE WHEN reason = 'hedge:won' THEN (receipt -> 'hedge' ->> 'p_late')::float8
            ELSE (state <> 'answered'
                  OR total_ms > (receipt -> 'prediction' ->> 'until_ms')::float8)::int END
  FROM analytics_exchange
 WHERE at >= %s AND receipt -> 'prediction' ? 'raw'
   AND (state = 'answered' OR error_code IN ('upstream_failed', 'deadline_exceeded')
        OR (state = 'cancelled' AND total_ms > (receipt -> 'prediction' ->> 'until_ms')::float8))
   AND NOT receipt ? 'cascade'
 ORDER BY at DESC LIMIT %s
"""


def run(now: datetime | None = None) -> int:
    """The number of the calibration that was published, or 0: nothing is new."""
    seen = _seen((now or datetime.now(UTC)) - timedelta(days=DAYS))
    lines, facts = calibration.learned(seen, least=LEAST)
    before = Calibration.objects.first()
    if not lines or (before is not None and _alike(lines, unpack(before.content))):
        return 0
    made = Calibration.objects.create(content=pack(lines), facts=facts)
    old = Calibration.objects.values_list("pk", flat=True)[KEPT:]
    Calibration.objects.filter(pk__in=list(old)).delete()
    return int(made.pk)


def _seen(since: datetime) -> list[Seen]:
    with connection.cursor() as cursor:
        cursor.execute(SEEN, (since, MOST))
        rows = cursor.fetchall()
    return [
        Seen(backend=name, chance=raw, late=float(late or 0)) for name, raw, late in reversed(rows)
    ]


def _alike(lines: Lines, before: Lines) -> bool:
    return lines.keys() == before.keys() and all(
        abs(line.shift - before[name].shift) < SAME and abs(line.slope - before[name].slope) < SAME
        for name, line in lines.items()
    )


def pack(lines: Lines) -> dict[str, list[float]]:
    return {name: [round(line.shift, 6), round(line.slope, 6)] for name, line in lines.items()}


def unpack(content: Any) -> dict[str, Line]:
    found = {name: Line(shift=shift, slope=slope) for name, (shift, slope) in content.items()}
    return {name: calibration.PLAIN if line == calibration.PLAIN else line
            for name, line in found.items()}  # fmt: skip


def newest() -> dict[str, Line]:
    row = Calibration.objects.first()
    return unpack(row.content) if row else {}
