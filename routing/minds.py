"""What the teams' judges have learned, in this process's memory; newer minds replace older."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import psycopg

from caching.judge import learning
from caching.judge import minds as learned
from caching.judge.minds import Mind

EVERY_S = 2.0
_minds: Mapping[int, Mind] = {}
_read_at = 0.0


def of(team_id: int) -> Mind:
    return _minds.get(team_id, learned.UNTAUGHT)


def look(connection: psycopg.Connection[Any], *, every_s: float = EVERY_S) -> None:
    """Reads them again if that was not done of late; the process's watch calls it all the time."""
    global _minds, _read_at
    if time.monotonic() - _read_at < every_s and _read_at:
        return
    _minds = learning.minds_in_force(connection)
    _read_at = time.monotonic()


def forget() -> None:
    global _minds, _read_at
    _minds, _read_at = {}, 0.0
