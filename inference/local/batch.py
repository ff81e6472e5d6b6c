"""Who goes next: which waiting job gets a lane, and how a step's prompt tokens are shared."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

STEP_S = 0.06
"""How long reading prompts may keep those waiting that are writing, or are about to."""
LEAST_CHUNK = 32
"""Fewer tokens a step would read the weights for too little."""
AGES_AFTER = 64
"""One that so many have come after counts as one priority higher: low waits long, not for good."""
LONG_SHARE = 0.25
"""Of each step's prompt tokens, what the one who waits longest gets however long its prompt is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A job without a lane; `number` counts jobs in the order they came."""

    number: int
    priority: int
    domain: str


def order(waiting: Iterable[Waiting], running: Iterable[str]) -> list[int]:
    """Numbers in the order in which lanes are given: by priority, which rises with age; among
    equals the domain that has least running; then as they came."""
    queues: dict[int, dict[str, deque[int]]] = {}
    came = sorted(waiting, key=lambda one: one.number)
    highest = max((one.priority for one in came), default=0)
    for one in came:
        aged = one.priority + (came[-1].number - one.number) // AGES_AFTER
        domains = queues.setdefault(min(aged, highest), {})
        domains.setdefault(one.domain, deque()).append(one.number)
    has = Counter(running)
    return [
        number
        for priority in sorted(queues, reverse=True)
        for number in _turns(queues[priority], has)
    ]


def _turns(queues: dict[str, deque[int]], has: Counter[str]) -> Iterator[int]:
    """One after the other from whoever has least; `has` is kept up to date."""
    heap = [(has[domain], numbers[0], domain) for domain, numbers in queues.items()]
    heapq.heapify(heap)
    while heap:
        _, number, domain = heapq.heappop(heap)
        yield number
        queues[domain].popleft()
        has[domain] += 1
        if queues[domain]:
            heapq.heappush(heap, (has[domain], queues[domain][0], domain))


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A prompt that is not read to its end; `owed` tokens are left."""

    number: int
    priority: int
    owed: int


def shares(reading: Sequence[Reading], budget: int) -> dict[int, int]:
    """How many tokens each reads in this step. The higher priority first, then the shortest, so
    that a short prompt is not stuck behind a long one; but the oldest of the highest priority
    always moves on."""
    given: dict[int, int] = {}
    left = budget
    if reading:
        oldest = min(reading, key=lambda one: (-one.priority, one.number))
        given[oldest.number] = min(oldest.owed, max(1, int(budget * LONG_SHARE)))
        left -= given[oldest.number]
    for one in sorted(reading, key=lambda one: (-one.priority, one.owed, one.number)):
        had = given.get(one.number, 0)
        more = min(one.owed - had, left)
        if more > 0:
            given[one.number] = had + more
            left -= more
    return given


def chunk(prefill_tps: float, most: int) -> int:
    """Prompt tokens of a step: as many as are read in STEP_S at the speed that was seen."""
    seen = int(prefill_tps * STEP_S) if prefill_tps else most
    return max(min(LEAST_CHUNK, most), min(most, seen))


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What a job still has to do, as far as one can tell."""

    read: int
    write: float


def wait_s(
    running: Sequence[Work], waiting: Sequence[Work], *, slots: int, speed: tuple[float, float]
) -> float:
    """How long a job that came now would wait for a slot, at `speed` = prompt tokens a second for
    one after the other, written tokens a second for all slots together."""
    if len(running) + len(waiting) < slots or not all(speed):
        return 0.0
    prefill_tps, decode_tps = speed
    each_tps = decode_tps / max(1, min(slots, len(running) + len(waiting)))
    free = [0.0] * max(0, slots - len(running))
    free += [work.read / prefill_tps + work.write / each_tps for work in running]
    heapq.heapify(free)
    for work in waiting:
        begins = heapq.heappop(free)
        heapq.heappush(free, begins + work.read / prefill_tps + work.write / each_tps)
    return free[0]


def gather(active: Iterable[int]) -> list[tuple[int, int]]:
    """Moves (from lane, to lane) after which the active lanes have no gap between them: as few as
    there can be, into the window that already holds most of them."""
    lanes = sorted(active)
    if not lanes or lanes[-1] - lanes[0] + 1 == len(lanes):
        return []
    size = len(lanes)
    starts = (max(0, lane - size + 1) for lane in lanes)
    start = max(starts, key=lambda at: sum(at <= lane < at + size for lane in lanes))
    window = range(start, start + size)
    outside = [lane for lane in lanes if lane not in window]
    holes = [lane for lane in window if lane not in lanes]
    return list(zip(outside, holes, strict=True))
