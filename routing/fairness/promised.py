"""Room that is promised to those who were refused, as `promised.lua` keeps it (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from routing.fairness.window import SLICE_MS, SLICES, Window

GRACE, HORIZON, MOST = 16, 2400, 10_000
"""Slices for which a promise holds from its moment on, how far ahead one is made, how many."""
KEPT = GRACE + SLICES + 1
"""Slices after which what was promised counts no longer, if it is taken as late as it may be."""


@dataclass(slots=True)
class Promised:
    """Of one window: how much may be taken from each slice on."""

    by_slice: dict[int, int] = field(default_factory=dict)
    total: int = 0
    last: int = 0
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
        self.last = max(self.last, slice_) if self.total else slice_
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
        if self.window.total + self.promised.total + self.amount <= self.limit:
            return True
        room = self.limit - self.amount
        return not self.is_never and all(each <= room for each in self._outlook(now))

    def place_ms(self, now: int, start_ms: int) -> int:
        """Until there is room for a promise of its own after all others, not before `start_ms`:
        after the last of them what is taken and promised only ends."""
        if self.is_never:
            return start_ms
        start = found = (now + start_ms) // SLICE_MS
        if self.promised.total:
            found = max(start, self.promised.last)
        ends = {at + SLICES + 1: amount for at, amount in self.window.taken}
        for at, amount in self.promised.by_slice.items():
            ends[at + KEPT] = ends.get(at + KEPT, 0) + amount
        left = sum(amount for at, amount in ends.items() if at > found)
        while left + self.amount > self.limit:
            found += 1
            left -= ends.get(found, 0)
        return start_ms if found == start else found * SLICE_MS - now

    def _outlook(self, now: int) -> Iterator[int]:
        """Slice by slice of the minute that begins: what is taken still, and expected by then."""
        current = now // SLICE_MS
        freed = {at + SLICES + 1: amount for at, amount in self.window.taken}
        taken, booked = self.window.total, 0
        for slice_ in range(current - GRACE, current + SLICES + 1):
            taken -= freed.get(slice_, 0)
            booked += self.promised.by_slice.get(slice_, 0)
            if slice_ >= current:
                yield taken + self.promised.expected(self.limit, booked)


def places_ms(asked: Sequence[Asked], now: int) -> int:
    """The first moment at which there is room in all windows."""
    ms, before = 0, -1
    while ms > before:
        before = ms
        for each in asked:
            ms = max(ms, each.place_ms(now, ms))
    return ms
