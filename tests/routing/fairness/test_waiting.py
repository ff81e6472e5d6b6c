"""Calls in Redis: each given out once, the teams in turn, and found wherever they wait."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import pytest
import redis as redis_py
from django.conf import settings

from routing.fairness import waiting
from routing.fairness.turns import LEVELS, Turn

QUEUE = "turns-test"
MOUTH = 4


@pytest.fixture
def redis() -> Iterator[redis_py.Redis]:
    with redis_py.Redis.from_url(settings.SERVICES.redis_url, db=9) as client:
        client.flushdb()
        yield client
        client.flushdb()


def put(redis: redis_py.Redis, turn: Turn, *calls: str) -> None:
    for call in calls:
        redis.execute_command(*waiting.put(QUEUE, turn, call.encode()))  # type: ignore[no-untyped-call]


def take(redis: redis_py.Redis, count: int) -> list[str]:
    taken = redis.execute_command(*waiting.take(QUEUE, count))  # type: ignore[no-untyped-call]
    return [call.decode() for call in taken]


def test_a_flood_of_one_team_does_not_make_another_wait(redis: redis_py.Redis) -> None:
    put(redis, Turn(team="a"), *(f"a{number}" for number in range(2000)))
    places = []
    for number in range(30):
        put(redis, Turn(team="b"), f"b{number}")
        places.append(take(redis, 20).index(f"b{number}"))
    assert max(places) <= MOUTH + 1
    assert waiting.lengths(redis, QUEUE) == 2000 + 30 - 600


def test_shares_and_priorities_hold(redis: redis_py.Redis) -> None:
    for team, share in (("a", 3), ("b", 1)):
        put(redis, Turn(team=team, share=share), *([team] * 100))
    take(redis, MOUTH)
    assert Counter(take(redis, 80)) == {"a": 60, "b": 20}
    redis.flushdb()
    for level in LEVELS:
        put(redis, Turn(team="t", priority=level), *([level] * 200))
    take(redis, MOUTH)
    assert Counter(take(redis, 210)) == {"high": 160, "normal": 40, "low": 10}


def test_a_team_that_sends_one_at_a_time_has_no_more_than_its_turn(redis: redis_py.Redis) -> None:
    put(redis, Turn(team="a"), *(["a"] * 500))
    put(redis, Turn(team="b"), "b")
    heard: list[str] = []
    for _ in range(100):
        got = take(redis, 1)
        heard += got
        if got == ["b"]:
            put(redis, Turn(team="b"), "b")
    assert Counter(heard)["b"] <= 51


def test_each_call_is_given_out_once_whoever_takes(redis: redis_py.Redis) -> None:
    calls = [f"{team}{number}" for number in range(200) for team in "abc"]
    for call in calls:
        put(redis, Turn(team=call[0]), call)
    heard: list[str] = []

    def work() -> None:
        with redis_py.Redis.from_url(settings.SERVICES.redis_url, db=9) as mine:
            while (found := mine.blpop([waiting.mouth(QUEUE)], timeout=1)) is not None:
                more = take(mine, 5)
                heard.extend([found[1].decode(), *more])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(heard) == sorted(calls)


def test_within_a_team_calls_are_taken_as_they_came(redis: redis_py.Redis) -> None:
    calls = [str(number) for number in range(50)]
    put(redis, Turn(team="a"), *calls)
    assert take(redis, 50) == calls


def test_a_call_is_found_where_it_waits(redis: redis_py.Redis) -> None:
    turn = Turn(team="a")
    put(redis, turn, *(str(number) for number in range(10)))
    assert redis.lpos(waiting.mouth(QUEUE), "0") == 0
    assert redis.lpos(waiting.place(QUEUE, turn), "9") is not None
    assert redis.lpos(waiting.place(QUEUE, turn), "0") is None


def test_what_a_dead_worker_left_in_the_mouth_goes_on_with_the_next(redis: redis_py.Redis) -> None:
    """One that took a call and died before it asked for more."""
    put(redis, Turn(team="a"), *(str(number) for number in range(10)))
    assert redis.lpop(waiting.mouth(QUEUE), MOUTH) is not None
    assert redis.llen(waiting.mouth(QUEUE)) == 0
    assert take(redis, 0) == []
    assert redis.llen(waiting.mouth(QUEUE)) == MOUTH


def test_nothing_is_left_behind(redis: redis_py.Redis) -> None:
    put(redis, Turn(team="a", priority="odd"), "x")
    assert take(redis, 9) == ["x"]
    left = [name for name in redis.scan_iter() if redis.ttl(name) < 0]
    assert left == []
