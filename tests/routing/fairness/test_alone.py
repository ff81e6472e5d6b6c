"""What one process counts alone is what the script in Redis counts: the same requests at the same
moments are let through by both, and no minute anywhere holds more than the limit."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Sequence

import pytest
import redis as redis_py
from django.conf import settings

from routing.fairness import scripts, values
from routing.fairness.alone import Alone
from routing.fairness.values import Scope
from tests.routing.fairness.test_promised import LIMIT, Crowd, fullest_minute, truthful

KEY = Scope(whose="key", number=1, requests=20, tokens=500, parallel=None)
TEAM = Scope(whose="team", number=1, requests=None, tokens=900, parallel=6)
SCOPES = (KEY, TEAM)
NAMES = [scope.names for scope in SCOPES]
AT_A_TIME = "local function machine_time() return tonumber(ARGV[#ARGV]) end\n"


@pytest.fixture
def redis() -> Iterator[redis_py.Redis]:
    with redis_py.Redis.from_url(settings.SERVICES.redis_url, db=9) as client:
        client.flushdb()
        yield client
        client.flushdb()


def at_given_times(script: str) -> str:
    """The same script with the moment as its last argument instead of the machine's."""
    start = script.index("local function machine_time")
    end = script.index("end", start) + len("end")
    return script[:start] + AT_A_TIME + script[end:]


def test_both_let_the_same_requests_through(redis: redis_py.Redis) -> None:
    admit, settle = (at_given_times(text) for text in (scripts.ADMIT, scripts.SETTLE))
    alone, chance = Alone(), random.Random(6)
    now_ms, running = 1_000_000, []
    let_through: list[int] = []
    told: list[tuple[int, str, int]] = []
    for number in range(900):
        now_ms += chance.choice([0, 3, 150, 700, 4000])
        tokens, lease, known_by = chance.randint(1, 120), str(number), ""
        if told and chance.random() < 0.5:
            when, known_by, tokens = heapq.heappop(told)
            now_ms = max(now_ms, when + chance.choice([-900, 0, 0, 300, 5000]))
        elif chance.random() < 0.7:
            known_by = f"request {number}"
        asked = values.asked(SCOPES, tokens)
        flat = [name for row in NAMES for name in row]
        shared = redis.eval(admit, len(flat), *flat, lease, 10**9, known_by, *asked, now_ms)
        local = alone.admit(NAMES, asked, lease, now_ms, known_by=known_by)
        assert list(shared) == local, number
        taken = values.read(local, lease, SCOPES, tokens)
        if taken.refused is None and taken.short is None:
            let_through.append(now_ms)
            running.append((lease, tokens, taken))
        elif known_by and local[1] + local[4] and chance.random() < 0.8:
            heapq.heappush(told, (now_ms + max(local[1], local[4]), known_by, tokens))
        elif known_by and chance.random() < 0.5:
            kept = [scope.reserve(tokens) for scope in SCOPES]
            redis.eval(settle, len(flat), *flat, lease, known_by, *[0] * 8, *kept, now_ms)
            alone.settle(NAMES, [0] * 8, lease, now_ms, released=(known_by, kept))
        while running and (len(running) > 5 or chance.random() < 0.3):
            lease, tokens, taken = running.pop(chance.randrange(len(running)))
            used = chance.randint(0, 150)
            changes: list[int] = []
            for scope, left in zip(SCOPES, taken.tokens, strict=True):
                changes += [0, 0, left.slice if left else 0, used - scope.reserve(tokens)]
            redis.eval(settle, len(flat), *flat, lease, "", *changes, now_ms)
            alone.settle(NAMES, changes, lease, now_ms)
    assert len(let_through) > 50
    for moment in let_through:
        assert sum(moment <= other < moment + 60_000 for other in let_through) <= 20


def test_a_clock_that_goes_back_gives_nothing_away(redis: redis_py.Redis) -> None:
    admit = at_given_times(scripts.ADMIT)
    only = Scope(whose="key", number=2, requests=3, tokens=None, parallel=None)

    def goes(now_ms: int) -> bool:
        asked = values.asked((only,), 1)
        said = redis.eval(admit, 3, *only.names, "lease", 1000, "", *asked, now_ms)
        return not said[0]

    hour = 3_600_000
    assert [goes(2 * hour) for _ in range(4)] == [True, True, True, False]
    assert not goes(hour), "an hour back is not another minute"
    assert not goes(hour + 59_000)
    assert goes(hour + 61_000), "nor does it take an hour to get over it"


def test_a_crowd_that_comes_back_when_told_is_let_through_by_the_script(
    redis: redis_py.Redis,
) -> None:
    members = Crowd(3.0, 2.0).live(Shared(redis))
    assert truthful(members) == 1.0
    assert fullest_minute(members) <= LIMIT


class Shared(Alone):
    """Asks the script in Redis, at given times."""

    def __init__(self, redis: redis_py.Redis) -> None:
        super().__init__()
        self._admit = redis.register_script(at_given_times(scripts.ADMIT))

    def admit(
        self,
        names: Sequence[Sequence[str]],
        asked: Sequence[int],
        lease: str,
        now_ms: int,
        *,
        known_by: str = "",
    ) -> list[int]:
        given: list[str | int] = [lease, 1000, known_by, *asked, 10**9 + now_ms]
        keys = [name for row in names for name in row]
        return [int(number) for number in self._admit(keys=keys, args=given)]
