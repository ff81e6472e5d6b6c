"""The requests of one process that a model is asked for, or is about to be: how many there may be,
of whom, and when those who are turned away may come again."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from routing.errors import QueueFull
from routing.fairness import places
from routing.fairness.drains import Drain
from routing.fairness.turns import Turn

USUAL_HOLD_S = 2.0


@dataclass(slots=True)
class Floor:
    """The requests of this process that a model is asked for, or is about to be."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    held: dict[str, int] = field(default_factory=dict)
    shares: dict[str, int] = field(default_factory=dict)
    drain: Drain = field(default_factory=Drain)
    most: int = 1
    hold_s: float = USUAL_HOLD_S
    """How long one stays, as of late."""

    def enter(self, turn: Turn, most: int) -> None:
        with self.lock:
            self.most = most
            over = places.over(turn, self.held, self.shares, most)
            if over:
                wait_s = self.drain.promise(time.monotonic(), leaving=over)
                raise QueueFull(retry_after_s=wait_s)
            self.held[turn.team] = self.held.get(turn.team, 0) + 1
            self.shares[turn.team] = turn.share

    def leave(self, turn: Turn, stayed_s: float) -> None:
        with self.lock:
            full = sum(self.held.values()) * 2 > self.most
            self.drain.left(time.monotonic(), was_full=full)
            self.hold_s += (stayed_s - self.hold_s) / 8
            self.held[turn.team] -= 1
            if not self.held[turn.team]:
                del self.held[turn.team], self.shares[turn.team]

    @property
    def count(self) -> int:
        return sum(self.held.values())
