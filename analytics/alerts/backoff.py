"""When a message that did not arrive is sent again, and when no more."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

FIRST = timedelta(seconds=15)
LONGEST = timedelta(hours=1)
LIFE = timedelta(hours=24)
"""Counted from the alert; after it a message is given up and shown as such."""


def next_try(
    tries: int, raised_at: datetime, now: datetime, chance: random.Random
) -> datetime | None:
    """None when that would be too late. The wait doubles, half of it by chance, so that receivers
    that come back are not met by everything at once."""
    wait = min(FIRST * 2 ** min(tries - 1, 16), LONGEST)
    again = now + wait * (0.5 + chance.random() / 2)
    return again if again <= raised_at + LIFE else None
