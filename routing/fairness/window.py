"""A minute that slides, as `window.lua` counts it; time is given, and never goes back (pure)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

SLICE_MS, SLICES = 250, 240


@dataclass(slots=True)
class Window:
    """What was taken of one limit."""

    total: int = 0
    taken: deque[list[int]] = field(default_factory=deque)
    """Slice and amount, oldest first."""

    def look(self, now_ms: int) -> int:
        slice_ = now_ms // SLICE_MS
        while self.taken and self.taken[0][0] < slice_ - SLICES:
            self.total -= self.taken.popleft()[1]
        return slice_

    def add(self, slice_: int, amount: int) -> None:
        for each in reversed(self.taken):
            if each[0] == slice_:
                each[1] += amount
                self.total += amount
                return
        if amount > 0:
            self.taken.append([slice_, amount])
            self.total += amount

    def wait_ms(self, now_ms: int, limit: int, amount: int) -> int:
        over, at = self.total + amount - limit, now_ms // SLICE_MS
        for slice_, taken in self.taken:
            over, at = over - taken, slice_
            if over <= 0:
                break
        return (at + SLICES + 1) * SLICE_MS - now_ms

    def resets_ms(self, now_ms: int) -> int:
        return (self.taken[-1][0] + SLICES + 1) * SLICE_MS - now_ms if self.total > 0 else 0
