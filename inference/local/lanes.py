"""The lanes of a context: a new sequence takes what is there of it, a finished one stays."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from inference.local import batch, prefix
from inference.local.context import Context
from inference.local.prefix import Lane, Match


class Lanes:
    """Does with the context's keys and values what `prefix` and `batch` decide."""

    def __init__(self, context: Context, count: int) -> None:
        self._context = context
        self.all = [Lane(number=number) for number in range(count)]
        self._clock = 0

    def reading(self, tokens: array[int], domain: str) -> Match:
        """A lane that is just reading more of this beginning than there is to take now."""
        have = prefix.best(tokens, domain, self.all)
        return prefix.coming(tokens, domain, self.all, than=have.shared)

    def take(self, tokens: array[int], domain: str) -> Lane:
        """A lane for this sequence. `read` says how much of it is there already."""
        match = prefix.best(tokens, domain, self.all)
        lane = prefix.place(match, self.all)
        shared = self._take_over(match, lane)
        lane.domain, lane.tokens, lane.read = domain, tokens, shared
        lane.prompt, lane.busy, lane.used = len(tokens), True, self._tick()
        return lane

    def _take_over(self, match: Match, lane: Lane) -> int:
        """Makes the lane hold the shared beginning and nothing else."""
        source = match.lane
        if source is None or source is lane:
            return match.shared if self._context.cut(lane.number, match.shared) else 0
        source.used = self._tick()
        copied = self._context.copy(source.number, lane.number, match.shared)
        return match.shared if copied else 0

    def keep(self, lane: Lane) -> None:
        """A finished sequence stays for those that begin like it, until its lane is wanted."""
        if lane.read < prefix.LEAST:
            self.clear(lane)
            return
        lane.busy, lane.used = False, self._tick()
        lane.tokens, lane.prompt = lane.tokens[: lane.read], lane.read

    def clear(self, lane: Lane) -> None:
        """Nothing of it is ever used again."""
        self._context.cut(lane.number, 0)
        lane.clear()

    def close_gaps(self, active: Iterable[Lane]) -> None:
        by_number = {lane.number: lane for lane in self.all}
        for source, target in batch.gather(lane.number for lane in active):
            self._exchange(by_number[source], by_number[target])

    def _exchange(self, one: Lane, other: Lane) -> None:
        """What does not arrive is read again, or, of a finished sequence, forgotten."""
        lanes = (one, other)
        saved = [self._context.save(lane.number) if lane.read else None for lane in lanes]
        for lane in lanes:
            self._context.cut(lane.number, 0)
        one.number, other.number = other.number, one.number
        for lane, blob in zip(lanes, saved, strict=True):
            if blob is not None and not self._context.restore(lane.number, blob):
                lane.read = 0

    def _tick(self) -> int:
        self._clock += 1
        return self._clock
