"""Identical questions at the same moment: one is asked, the others wait for its answer."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from caching.values import Match

Key = tuple[int, str]
Flight = Future["Match | None"]


class Flights:
    """In one web process; a question asked in two processes at once is asked twice."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flying: dict[Key, Flight] = {}

    def board(self, key: Key) -> Flight | None:
        """Nothing for the one that leads; for the others, what they wait for."""
        with self._lock:
            flying = self._flying.get(key)
            if flying is None:
                self._flying[key] = Future()
            return flying

    def land(self, key: Key, match: Match | None) -> None:
        """Without a match (the leader failed, or its answer may not be shared) the others ask."""
        with self._lock:
            flying = self._flying.pop(key, None)
        if flying is not None:
            flying.set_result(match)
