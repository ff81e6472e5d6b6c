"""Counts as the scripts do, in this process alone: what holds while Redis is away (pure)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

SLICE_MS, SLICES = 250, 240


@dataclass(slots=True)
class Window:
    """A minute that slides; time is given, and never runs backwards."""

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


class Alone:
    """One for each process; whoever uses it holds a lock."""

    def __init__(self) -> None:
        self._windows: dict[str, Window] = {}
        self._slots: dict[str, set[str]] = {}

    def admit(
        self, names: Sequence[Sequence[str]], asked: Sequence[int], lease: str, now_ms: int
    ) -> list[int]:
        """The same answer as `admit.lua` gives."""
        rows = [
            (row, asked[at * 4 : at * 4 + 4]) for at, row in enumerate(names)
        ]  # names and the three limits with the reservation
        refused = self._refused(rows, now_ms)
        short = self._short(rows, now_ms)
        said = [*refused, *short]
        if refused[0]:
            said[1] = max(refused[1], short[2])
        for row, (requests, tokens, slots, reserve) in rows:
            goes = not refused[0]
            said += self._count(row[0], requests, int(goes), now_ms)
            said += self._count(row[1], tokens, reserve * (goes and not short[0]), now_ms)
            if slots >= 0 and goes and not short[0]:
                self._slots.setdefault(row[2], set()).add(lease)
        return said

    def settle(
        self, names: Sequence[Sequence[str]], changes: Sequence[int], lease: str, now_ms: int
    ) -> None:
        for at, (requests, tokens, slots) in enumerate(names):
            slice_r, change_r, slice_t, change_t = changes[at * 4 : at * 4 + 4]
            self._change(requests, slice_r, change_r, now_ms)
            self._change(tokens, slice_t, change_t, now_ms)
            self._slots.get(slots, set()).discard(lease)

    def _window(self, name: str) -> Window:
        return self._windows.setdefault(name, Window())

    def _refused(self, rows: Sequence[tuple[Sequence[str], Sequence[int]]], now: int) -> list[int]:
        worst = [0, 0]
        for at, (row, (limit, *_)) in enumerate(rows, 1):
            wait = self._over(row[0], limit, 1, now)
            if wait > worst[1]:
                worst = [at, wait]
        return worst

    def _short(self, rows: Sequence[tuple[Sequence[str], Sequence[int]]], now: int) -> list[int]:
        worst = [0, 0, 0]
        for at, (row, (_, limit, _, reserve)) in enumerate(rows, 1):
            wait = self._over(row[1], limit, reserve, now)
            if wait > worst[2]:
                worst = [at, 1, wait]
        for at, (row, (_, _, limit, _)) in enumerate(rows, 1):
            if not worst[0] and 0 <= limit <= len(self._slots.get(row[2], ())):
                worst = [at, 2, 0]
        return worst

    def _over(self, name: str, limit: int, amount: int, now: int) -> int:
        """Milliseconds until there is room; 0 where there is."""
        if limit < 0:
            return 0
        window = self._window(name)
        window.look(now)
        return window.wait_ms(now, limit, amount) if window.total + amount > limit else 0

    def _count(self, name: str, limit: int, amount: int, now: int) -> list[int]:
        if limit < 0:
            return [0, 0, 0]
        window = self._window(name)
        slice_ = window.look(now)
        window.add(slice_, amount)
        return [limit - window.total, window.resets_ms(now), slice_]

    def _change(self, name: str, slice_: int, amount: int, now: int) -> None:
        if amount:
            window = self._window(name)
            current = window.look(now)
            is_there = any(each[0] == slice_ for each in window.taken)
            if is_there or amount > 0:
                window.add(slice_ if is_there else current, amount)
