"""A 429 is a promise: whoever comes again when it was told is let through, whoever else comes."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field

import pytest

from routing.fairness import values
from routing.fairness.alone import Alone
from routing.fairness.promised import GRACE, HORIZON
from routing.fairness.values import Scope
from routing.fairness.window import SLICE_MS

LIMIT, MINUTE_MS = 60, 60_000
LATE_MS = 1050
"""A client that reads whole seconds comes up to one late, and is not there at once."""
KEY = Scope(whose="key", number=1, requests=LIMIT, tokens=None, parallel=None)
BOTH = (
    Scope(whose="key", number=2, requests=LIMIT, tokens=6_000, parallel=None),
    Scope(whose="team", number=2, requests=None, tokens=5_000, parallel=None),
)


@dataclass
class Member:
    """One request of the crowd: what it was told, and when it was let through."""

    came_ms: int
    tokens: int
    told_ms: list[int] = field(default_factory=list)
    in_ms: int | None = None


@dataclass
class Crowd:
    """Comes at so many times the limit; those that are told to wait come again, or never."""

    times: float
    minutes: float
    comes_back: float = 1.0
    scopes: tuple[Scope, ...] = (KEY,)
    tokens: tuple[int, int] = (1, 1)

    def live(self, alone: Alone | None = None) -> list[Member]:
        chance, alone = random.Random(11), alone or Alone()
        count = int(self.times * LIMIT * self.minutes)
        moments = sorted(chance.randrange(int(self.minutes * MINUTE_MS)) for _ in range(count))
        members = [Member(moment, chance.randint(*self.tokens)) for moment in moments]
        coming = [(each.came_ms, number) for number, each in enumerate(members)]
        heapq.heapify(coming)
        names = [scope.names for scope in self.scopes]
        while coming:
            now, number = heapq.heappop(coming)
            member = members[number]
            asked = values.asked(self.scopes, member.tokens)
            said = alone.admit(names, asked, "lease", now, known_by=f"request {number}")
            wait = max(said[1], said[4])
            if not said[0] and not said[2]:
                member.in_ms = now
                continue
            if said[2] and not said[0]:
                back = [[-1 if s.requests else 0, said[5 + 6 * at + 2]] for at, s in
                        enumerate(self.scopes)]  # fmt: skip
                changes = [number for change, at in back for number in (at, change, 0, 0)]
                alone.settle(names, changes, "", now)
            member.told_ms.append(wait)
            if len(member.told_ms) < 5 and chance.random() < self.comes_back:
                heapq.heappush(coming, (now + wait + chance.randrange(LATE_MS), number))
        return members


def truthful(members: list[Member]) -> float:
    told = [each for each in members if each.told_ms]
    assert told
    return sum(len(each.told_ms) == 1 and each.in_ms is not None for each in told) / len(told)


def fullest_minute(members: list[Member]) -> int:
    moments = sorted(each.in_ms for each in members if each.in_ms is not None)
    return max(sum(at <= other < at + MINUTE_MS for other in moments) for at in moments)


@pytest.mark.parametrize(("times", "minutes"), [(1.5, 8.0), (3.0, 3.0)])
def test_whoever_comes_when_told_is_let_through(times: float, minutes: float) -> None:
    members = Crowd(times, minutes).live()
    assert truthful(members) == 1.0
    assert fullest_minute(members) <= LIMIT
    assert all(each.in_ms is not None for each in members), "nobody starves, however late it came"
    for each in members:
        waited = (each.in_ms or 0) - each.came_ms
        assert waited <= 2 * sum(each.told_ms) + LATE_MS


@pytest.mark.parametrize("times", [1.5, 3.0])
def test_a_promise_is_of_all_limits_at_once(times: float) -> None:
    members = Crowd(times, 3.0, scopes=BOTH, tokens=(1, 200)).live()
    assert truthful(members) >= 0.95
    assert fullest_minute(members) <= LIMIT


def test_moments_told_are_none_too_late() -> None:
    """All of the limit is used, but for the seconds for which promises are kept."""
    members = Crowd(3.0, 3.0).live()
    last = max(each.in_ms or 0 for each in members)
    kept = MINUTE_MS + (GRACE + 1) * SLICE_MS + LATE_MS
    assert last <= kept * len(members) / LIMIT


@pytest.mark.parametrize(("times", "minutes"), [(1.5, 20.0), (3.0, 10.0)])
def test_crowds_that_never_come_back_leave_the_limit_to_others(
    times: float, minutes: float
) -> None:
    members = Crowd(times, minutes, comes_back=0.0).live()
    let_through = sum(each.in_ms is not None for each in members)
    assert let_through >= 0.8 * LIMIT * minutes
    assert fullest_minute(members) <= LIMIT


def test_where_half_stays_away_those_who_come_are_let_through_soon() -> None:
    members = Crowd(2.0, 10.0, comes_back=0.5).live()
    again = [each for each in members if each.told_ms and (each.in_ms or len(each.told_ms) > 1)]
    soon = [each for each in again if each.in_ms
            and each.in_ms - each.came_ms <= 2 * each.told_ms[0] + LATE_MS]  # fmt: skip
    assert len(soon) >= 0.8 * len(again)


def ask(alone: Alone, now_ms: int, known_by: str, scope: Scope = KEY) -> int:
    """Milliseconds that it is told; 0 if it is let through."""
    said = alone.admit(
        [scope.names], values.asked((scope,), 1), known_by, now_ms, known_by=known_by
    )
    return said[1]


def test_whoever_comes_early_is_told_the_rest_of_its_time() -> None:
    alone = Alone()
    for number in range(LIMIT):
        assert not ask(alone, 0, f"first {number}")
    told = ask(alone, 0, "early")
    assert [ask(alone, at, "early") for at in (1000, 9000)] == [told - 1000, told - 9000]
    assert not ask(alone, told, "early")


def test_each_refusal_of_a_busy_key_is_told_its_own_place() -> None:
    alone = Alone()
    for number in range(LIMIT):
        ask(alone, number * 1000, f"first {number}")
    told = [ask(alone, 59_500, f"later {number}") for number in range(3)]
    assert told[0] < told[1] < told[2]
    assert ask(alone, 59_500 + told[0], "stranger") > 0, "the place is not for who comes first"
    assert not ask(alone, 59_500 + told[0], "later 0")


def test_a_promise_that_nobody_takes_up_lapses() -> None:
    alone = Alone()
    for number in range(LIMIT):
        ask(alone, 0, f"first {number}")
    told = max(ask(alone, 0, f"gone {number}") for number in range(LIMIT))
    assert ask(alone, told, "stranger") > 0
    assert not ask(alone, told + (GRACE + 1) * SLICE_MS, "stranger")


def test_a_promise_is_made_for_ten_minutes_at_the_most() -> None:
    """Beyond, everybody is told the end of all promises, and none is noted."""
    alone, one = Alone(), Scope(whose="key", number=3, requests=1, tokens=None, parallel=None)
    ask(alone, 0, "first", one)
    told = [ask(alone, 0, f"later {number}", one) for number in range(30)]
    assert told[-1] == told[-2] <= (HORIZON + GRACE) * SLICE_MS + MINUTE_MS
    assert len(set(told)) == len([each for each in told if each <= HORIZON * SLICE_MS]) + 1


def test_a_limit_of_nothing_promises_nothing() -> None:
    alone, none = Alone(), Scope(whose="key", number=4, requests=0, tokens=None, parallel=None)
    assert ask(alone, 0, "never", none) == ask(alone, 5_000, "never", none) > 0
