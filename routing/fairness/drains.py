"""How fast a queue empties, and when those who were turned away may come again; time is given."""

from __future__ import annotations

import threading
from collections import deque

MEASURED = 64
"""Departures that a rate is made of; a silence since the last one counts as well."""
RECENT_S = 10.0
FEW = 4
UNMEASURED_S = 1.0
"""What is told before anybody has left."""
SOONEST_S, LATEST_S = 0.05, 30.0
LATEST = 64
"""Or so many places from now, where that is later: who never comes again does not say so."""


class Drain:
    """Of one queue, whose departures and refusals come from several threads."""

    __slots__ = ("_left", "_lock", "_promised")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: deque[float] = deque(maxlen=MEASURED)
        self._promised: deque[float] = deque(maxlen=10_000)

    def left(self, at: float, *, was_full: bool = True) -> None:
        """Departures measure the queue only while it is in use: an idle one drains nothing."""
        with self._lock:
            if not was_full:
                self._left.clear()
            self._left.append(at)

    def interval_s(self, at: float) -> float:
        """Between two departures, as of late."""
        with self._lock:
            return self._interval_s(at)

    def _interval_s(self, at: float) -> float:
        recent = [left for left in self._left if at - left <= RECENT_S]
        counted = recent if len(recent) >= FEW else list(self._left)[-FEW:]
        if len(counted) < 2:
            return UNMEASURED_S
        steady = (counted[-1] - counted[0]) / (len(counted) - 1)
        return max(steady, (at - counted[0]) / len(counted))

    def promise(self, at: float, *, leaving: int = 1) -> float:
        """Seconds until a place is free for this one, before which so many have to leave: each
        departure is promised to one alone, so that those who were turned away together do not come
        again together."""
        with self._lock:
            while self._promised and self._promised[0] <= at:
                self._promised.popleft()
            each = self._interval_s(at)
            before = self._promised[-1] - at if self._promised else 0.0
            latest = max(LATEST_S, LATEST * each)
            wait = min(max(before + each, leaving * each, SOONEST_S), latest)
            self._promised.append(at + wait)
            return wait
