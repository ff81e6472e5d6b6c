"""What those are told who are turned away, against when there was a place for them."""

from __future__ import annotations

import random

import pytest

from routing.fairness.drains import UNMEASURED_S, Drain


class Queue:
    """Bounded, and drained by a script: its clock is ours."""

    def __init__(self, places: int, intervals: list[float]) -> None:
        self.drain, self.waiting, self.now = Drain(), places, 0.0
        self.places, self.intervals = places, list(intervals)
        self._next = self.intervals.pop(0)

    def goes_on_until(self, moment: float) -> None:
        while self._next <= moment:
            self.now = self._next
            if self.waiting:
                self.waiting -= 1
                self.drain.left(self.now)
            self._next += self.intervals.pop(0)
        self.now = moment

    def comes(self) -> float | None:
        """Nothing for one that has a place, or when to come again."""
        if self.waiting < self.places:
            self.waiting += 1
            return None
        return self.drain.promise(self.now)


def steady(every_s: float, count: int) -> list[float]:
    return [every_s] * count


def uneven(every_s: float, count: int) -> list[float]:
    chance = random.Random(6)
    return [chance.uniform(0.5, 1.5) * every_s for _ in range(count)]


@pytest.mark.parametrize("every_s", [0.01, 0.2, 3.0])
@pytest.mark.parametrize("script", [steady, uneven])
def test_whoever_comes_when_told_finds_a_place_within_a_factor_of_two(
    script: object, every_s: float
) -> None:
    assert callable(script)
    queue = Queue(20, script(every_s, 400))
    queue.goes_on_until(every_s * 10)
    queue.waiting = queue.places
    began = queue.now
    told = sorted(wait for _ in range(40) if (wait := queue.comes()) is not None)
    assert len(told) == 40
    ratios = []
    for wait in told:
        queue.goes_on_until(began + wait)
        while queue.comes() is not None:  # not yet: looks again in small steps
            queue.goes_on_until(queue.now + every_s / 20)
        ratios.append(wait / (queue.now - began))
    assert min(ratios) >= 0.5
    # Nor would the last have been admitted in half that time: it all was needed to drain so many.
    drained = 40 * every_s
    assert told[-1] <= 2 * max(drained, 0.05)


def test_a_burst_is_not_told_to_come_again_together() -> None:
    drain = Drain()
    for number in range(20):
        drain.left(number * 0.1)
    told = [drain.promise(2.0) for _ in range(10)]
    assert told == sorted(set(told))
    assert told[-1] == pytest.approx(10 * told[0], rel=0.3)


def test_a_drain_that_stands_still_promises_ever_later() -> None:
    drain = Drain()
    for number in range(20):
        drain.left(number * 0.1)
    assert drain.interval_s(2.0) < 0.2
    assert drain.interval_s(60.0) > 10


def test_before_anybody_left_it_says_what_is_usual() -> None:
    assert Drain().promise(5.0) == UNMEASURED_S


def test_what_was_promised_and_is_past_is_promised_again() -> None:
    drain = Drain()
    for number in range(20):
        drain.left(number * 0.1)
    first = drain.promise(2.0)
    assert drain.promise(2.0 + first + 0.001) < 2 * first


def test_several_must_leave_before_a_low_one_finds_a_place() -> None:
    drain = Drain()
    for number in range(20):
        drain.left(number * 0.1)
    assert drain.promise(2.0, leaving=30) == pytest.approx(3.0, rel=0.1)
