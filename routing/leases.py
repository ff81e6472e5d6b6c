"""When a worker says which calls it still runs, and how far each has come."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from analytics.values import Progress
from routing.attempts import Attempt

LOOKS_EVERY_S = 1.0


class Leases:
    """Each call is renewed when a third of its lease is over, and once more as soon as it streams:
    until its worker has said so, all that is held would be taken for spent if it died."""

    def __init__(self, lease_s: float, cost: Callable[[Attempt], Decimal]) -> None:
        self._third_s = lease_s / 3
        self._cost = cost
        self._said: dict[str, tuple[float, int]] = {}
        """By call, when it was told of last, and how many tokens."""

    @property
    def pause_s(self) -> float:
        return min(LOOKS_EVERY_S, self._third_s)

    def due(self, running: Iterable[Attempt], now: float) -> list[Attempt]:
        """Those to renew at this look; what has ended is forgotten."""
        some, known = list(running), self._said
        self._said = {each.attempt_id: known.get(each.attempt_id, (now, 0)) for each in some}
        return [each for each in some if self._is_due(each, now)]

    def told(self, each: Attempt, now: float) -> Progress:
        """What is streamed is known; of an answer in one piece nothing is before it is there."""
        self._said[each.attempt_id] = (now, each.produced)
        if each.produced == 0:
            return Progress(attempt_id=each.uuid)
        return Progress(attempt_id=each.uuid, cost=self._cost(each), tokens=each.produced)

    def _is_due(self, each: Attempt, now: float) -> bool:
        at, tokens = self._said[each.attempt_id]
        begins = each.produced > 0 and tokens == 0
        return begins or now - at >= self._third_s - self.pause_s / 2
