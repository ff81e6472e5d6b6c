"""Counts how often answers are served: kept in memory for a moment, written many at once."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from caching import lookup

if TYPE_CHECKING:
    from caching.vectors.index import Connection

EVERY_S = 2.0
MOST_KEPT = 500
_lock = threading.Lock()
_counts: dict[int, int] = {}
_written_at = 0.0


def note(entry_id: int) -> None:
    with _lock:
        _counts[entry_id] = _counts.get(entry_id, 0) + 1


def write(connection: Connection, *, every_s: float = EVERY_S) -> None:
    """What has come together, if it is time to; the end of a process may lose a moment's counts."""
    counted = _take(every_s)
    if counted:
        lookup.count_hits(connection, counted)


def _take(every_s: float) -> dict[int, int]:
    global _counts, _written_at
    with _lock:
        due = time.monotonic() - _written_at >= every_s or len(_counts) >= MOST_KEPT
        if not due:
            return {}
        taken, _counts, _written_at = _counts, {}, time.monotonic()
        return taken
