"""When a message is sent again."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from analytics.alerts import backoff

RAISED = datetime(2026, 3, 1, tzinfo=UTC)


def test_waits_grow_to_an_hour_and_end_after_a_day() -> None:
    chance, now, waits = random.Random(7), RAISED, []
    for tries in range(1, 1000):
        again = backoff.next_try(tries, RAISED, now, chance)
        if again is None:
            break
        waits.append(again - now)
        now = again
    assert timedelta(seconds=7) < waits[0] <= timedelta(seconds=15)
    assert max(waits) <= timedelta(hours=1)
    assert timedelta(hours=23) <= now - RAISED <= timedelta(hours=24)
    assert 20 < len(waits) < 60


def test_two_receivers_that_come_back_are_not_met_at_once() -> None:
    chance = random.Random(7)
    assert len({backoff.next_try(3, RAISED, RAISED, chance) for _ in range(20)}) == 20
