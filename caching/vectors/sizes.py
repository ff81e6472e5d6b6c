"""How many vectors partitions hold, roughly: remembered, so that no request counts."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    import psycopg

    Place = tuple[int, UUID]

MOST_KNOWN = 20_000
FRESH_S = 30.0
"""Other processes add as well, so a count is taken again after this."""
FRESH_LARGE_S = 600.0
"""What is large seldom becomes small, and then its plan is only slower."""

# Counting ends at the limit: nobody needs to know how large a large one is.
COUNT = """
SELECT p, (SELECT count(*) FROM (SELECT 1 FROM caching_entryvector v
                                  WHERE v.generation_id = %s AND v.partition = p LIMIT %s) few)
  FROM unnest(%s::uuid[]) p
"""


class Sizes:
    """Of a bounded number of partitions; those not asked about for longest are forgotten."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._known: OrderedDict[Place, tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def of(
        self, connection: psycopg.Connection[Any], generation: int, partitions: Sequence[UUID]
    ) -> int:
        """All of them together; `limit` stands for that many or more."""
        unsure = [each for each in partitions if self._is_stale((generation, each))]
        if unsure:
            counted = connection.execute(COUNT, (generation, self._limit, unsure)).fetchall()
            with self._lock:
                for each, size in counted:
                    self._keep((generation, each), size)
        with self._lock:
            return sum(self._known.get((generation, each), (0, 0.0))[0] for each in partitions)

    def grew(self, generation: int, partition: UUID) -> None:
        with self._lock:
            size, at = self._known.get((generation, partition), (0, 0.0))
            if at:
                self._known[generation, partition] = (size + 1, at)

    def forget(self) -> None:
        with self._lock:
            self._known.clear()

    def _is_stale(self, place: Place) -> bool:
        with self._lock:
            size, at = self._known.get(place, (0, 0.0))
            if at:
                self._known.move_to_end(place)
        fresh_s = FRESH_LARGE_S if size >= self._limit else FRESH_S
        return not at or time.monotonic() - at > fresh_s

    def _keep(self, place: Place, size: int) -> None:
        self._known[place] = (size, time.monotonic())
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
