"""Room that is promised to those who were refused, as `promised.lua` keeps it (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from routing.fairness.window import SLICE_MS, SLICES, Window

GRACE, HORIZON, MOST = 16, 2400, 10_000
"""Slices for which a promise holds from its moment on, how far ahead one is made, how many."""


@dataclass(slots=True)
class Promised:
    """Of one window: how much may be taken from each slice on."""

    by_slice: dict[int, int] = field(default_factory=dict)
    total: int = 0
    others: int = 0
    """So much of it is not of the request that is here."""
    kept: int = 0
    lapsed: int = 0
    """What came for its room of late, and what did not."""

    def look(self, slice_: int) -> None:
        for each in [each for each in self.by_slice if each < slice_ - GRACE]:
            left = self.by_slice.pop(each)
            self.total -= left
            self.lapsed += left

    def book(self, slice_: int, amount: int) -> None:
        self.by_slice[slice_] = self.by_slice.get(slice_, 0) + amount
        self.total += amount

    def unbook(self, slice_: int, amount: int) -> None:
        left = self.by_slice.get(slice_, 0)
        self.by_slice[slice_] = left - min(left, amount)
        self.total -= min(left, amount)
        if not self.by_slice[slice_]:
            del self.by_slice[slice_]

    def learn(self, limit: int) -> None:
        while self.kept + self.lapsed > max(2 * limit, 0):
            self.kept, self.lapsed = self.kept // 2, self.lapsed // 2

    def expected(self, limit: int, booked: int) -> int:
        """As much of what is promised as came for it of late, and a fifth more."""
        prior = limit // 4 + 1
        came, every = 6 * (self.kept + prior), 5 * (self.kept + self.lapsed + prior)
        return booked if came >= every else (booked * came + every - 1) // every


@dataclass(frozen=True, slots=True)
class Asked:
    """So much of one window."""

    window: Window
    promised: Promised
    limit: int
    amount: int

    @property
    def is_never(self) -> bool:
        return self.amount > self.limit

    def over_ms(self, now: int, *, holds: bool) -> int:
        """Milliseconds that this window alone would make it wait; 0 where there is room."""
        is_free = self.window.total + self.amount <= self.limit if holds else self.has_room(now)
        if is_free:
            return 0
        if holds or self.is_never:
            return self.window.wait_ms(now, self.limit, self.amount)
        return self.place_ms(now, 0)

    def has_room(self, now: int) -> bool:
        """Whether there is room now, and stays for those who were promised it."""
        until = now // SLICE_MS + SLICES
        if self.window.total + self.promised.total + self.amount <= self.limit:
            return True
        return not self.is_never and all(
            taken + self.promised.expected(self.limit, booked) + self.amount <= self.limit
            for _, taken, booked in takewhile(lambda row: row[0] <= until, self._outlook(now))
        )

    def place_ms(self, now: int, start_ms: int) -> int:
        """Until there is room for a promise of its own after all others, not before `start_ms`."""
        if self.is_never:
            return start_ms
        start = found = (now + start_ms) // SLICE_MS
        for slice_, taken, booked in self._outlook(now):
            if slice_ >= found and taken + booked + self.amount > self.limit:
                found = slice_ + 1
            elif slice_ >= found + GRACE + SLICES:
                break
        return start_ms if found == start else found * SLICE_MS - now

    def _outlook(self, now: int) -> Iterator[tuple[int, int, int]]:
        """Slice by slice: what is taken still, and what is promised by then."""
        current = now // SLICE_MS
        freed = {at + SLICES + 1: amount for at, amount in self.window.taken}
        changes: Counter[int] = Counter()
        for at, amount in self.promised.by_slice.items():
            changes[max(at, current)] += amount
            changes[at + GRACE + SLICES + 1] -= amount
        taken, booked = self.window.total, 0
        for slice_ in range(current, max([current, *self.promised.by_slice]) + GRACE + SLICES + 2):
            taken -= freed.get(slice_, 0)
            booked += changes[slice_]
            yield slice_, taken, booked


def places_ms(asked: Sequence[Asked], now: int) -> int:
    """The first moment at which there is room in all windows."""
    ms, before = 0, -1
    while ms > before:
        before = ms
        for each in asked:
            ms = max(ms, each.place_ms(now, ms))
    return ms
