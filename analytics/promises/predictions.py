"""Predictions of being late, counted by day and backend out of receipts, for pages and alerts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Sum

from analytics.models import Prediction
from analytics.promises.reliability import BINS, Bin

LATE_CLOSING = timedelta(hours=2)
# What a prediction said is in its receipt; whether it came true, too: an answer after the moment
# that was predicted, or none at all. Who left before it, or asked for what nobody can do, shows
# nothing; nor does an attempt that another overtook.
COUNT = """
INSERT INTO analytics_prediction (day, team_id, backend, bin, requests, predicted, late, squared)
SELECT %(day)s, team_id, backend, least(%(bins)s - 1, floor(chance * %(bins)s))::smallint,
       count(*), sum(chance), sum(late), sum((chance - late) ^ 2)
  FROM (
    SELECT team_id, receipt -> 'prediction' ->> 'backend' AS backend,
           (receipt -> 'prediction' ->> 'p_miss')::float8 AS chance,
           (state <> 'answered' OR total_ms > (receipt -> 'prediction' ->> 'until_ms')::float8
           )::int AS late
      FROM analytics_exchange
     WHERE at >= %(begins)s AND at < %(ends)s AND receipt ? 'prediction'
       AND (state = 'answered' OR error_code IN ('upstream_failed', 'deadline_exceeded')
            OR (state = 'cancelled'
                AND total_ms > (receipt -> 'prediction' ->> 'until_ms')::float8))
       AND reason <> 'hedge:won' AND NOT receipt ? 'cascade') counted
 GROUP BY 2, 3, 4
"""


def count(now: datetime | None = None) -> int:
    """Today, and yesterday while its receipts may still close; each from nothing, so that twice is
    once."""
    at = now or datetime.now(UTC)
    days = {at.date(), (at - LATE_CLOSING).date()}
    return sum(_day(day) for day in sorted(days))


def _day(day: date) -> int:
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
    words: dict[str, Any] = {
        "day": day,
        "begins": begins,
        "ends": begins + timedelta(days=1),
        "bins": BINS,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(7205061)")
        Prediction.objects.filter(day=day).delete()
        cursor.execute(COUNT, words)
        return int(cursor.rowcount)


def bins(team_id: int | None, *, days: int, now: datetime, backend: str = "") -> list[Bin]:
    """Of one team, or of all, over the last days."""
    rows = Prediction.objects.filter(day__gt=(now - timedelta(days=days)).date())
    rows = rows.filter(team_id=team_id) if team_id is not None else rows
    rows = rows.filter(backend=backend) if backend else rows
    sums: Any = (
        rows.order_by("bin")
        .values("bin")
        .annotate(n=Sum("requests"), p=Sum("predicted"), of=Sum("late"), sq=Sum("squared"))
    )
    return [
        Bin(
            place=row["bin"],
            requests=row["n"],
            predicted=row["p"],
            late=row["of"],
            squared=row["sq"],
        )
        for row in sums
    ]
