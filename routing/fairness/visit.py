"""One coming of a request that may have been promised room, as `admit.lua` lives it (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from routing.fairness import promised
from routing.fairness.promised import GRACE, HORIZON, MOST, Asked
from routing.fairness.window import SLICE_MS


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """What it asks of all windows; `noted` are the moments of all who were promised one."""

    every: Sequence[Asked]
    noted: dict[str, int]
    known_by: str
    now: int
    due: int | None

    @property
    def holds(self) -> bool:
        """Its moment has come."""
        return self.due is not None and self.due <= self.now

    def told_ms(self, alone_ms: int) -> int:
        """Of a refused one, which any single window would make wait so long."""
        if self.holds:
            return alone_ms
        if self.due is not None:
            return self.due - self.now
        return max(alone_ms, promised.places_ms(self.every, self.now))

    def goes(self, told_ms: int, *, has_slot: bool) -> None:
        """What becomes of its promise: another moment, the same one, or it is kept."""
        if told_ms and self.known_by:
            self._note(self.now + told_ms)
        elif self.due is not None and not has_slot:
            self._note(self.due)
        elif self.due is not None:
            for each in self.every:
                each.promised.kept += each.amount

    def _note(self, moment: int) -> None:
        if any(each.is_never for each in self.every):
            return
        is_far = moment - self.now > HORIZON * SLICE_MS
        if self.due is None and (is_far or len(self.noted) >= MOST):
            return
        self.noted[self.known_by] = moment
        for each in self.every:
            each.promised.book(moment // SLICE_MS, each.amount)


def begin(every: Sequence[Asked], noted: dict[str, int], known_by: str, now: int) -> Visit:
    """Takes its promise back until it is known what becomes of it."""
    for each in [each for each, due in noted.items() if due < now - GRACE * SLICE_MS]:
        del noted[each]
    due = noted.pop(known_by, None)
    for one in every:
        if due is not None:
            one.promised.unbook(due // SLICE_MS, one.amount)
        one.promised.others = one.promised.total
    return Visit(every=every, noted=noted, known_by=known_by, now=now, due=due)
