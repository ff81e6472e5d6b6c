"""How many retries a process may make: a share of its traffic, so that storms do not multiply."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

SHARE = 0.2
LEAST = 60
"""A minute, however little is asked: one a second is no storm."""
MINUTE_S = 60


@dataclass(kw_only=True, slots=True)
class Second:
    at: int
    requests: int = 0
    retries: int = 0


@dataclass(kw_only=True, slots=True)
class Allowance:
    """Requests and retries of the last minute, second by second."""

    seconds: deque[Second] = field(default_factory=lambda: deque(maxlen=MINUTE_S))

    def note_request(self, now: float) -> None:
        self._second(now).requests += 1

    def note_retry(self, now: float) -> None:
        self._second(now).retries += 1

    def has_room(self, now: float) -> bool:
        asked, retried = self.recent(now)
        return retried < max(LEAST, SHARE * asked)

    def recent(self, now: float) -> tuple[int, int]:
        """Requests, and retries."""
        recent = [each for each in self.seconds if now - each.at < MINUTE_S]
        return sum(each.requests for each in recent), sum(each.retries for each in recent)

    def _second(self, now: float) -> Second:
        if not self.seconds or self.seconds[-1].at != int(now):
            self.seconds.append(Second(at=int(now)))
        return self.seconds[-1]


_mine = Allowance()


def note_request() -> None:
    _mine.note_request(time.monotonic())


def note_retry() -> None:
    _mine.note_retry(time.monotonic())


def has_room() -> bool:
    return _mine.has_room(time.monotonic())
