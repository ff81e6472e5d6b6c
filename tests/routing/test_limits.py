"""Rate limits of a key: what is left, when it comes back, and that keys do not share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from routing import limits
from routing.errors import RateLimited
from teams.values import Caller


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    ticking = Clock()
    monkeypatch.setattr("routing.limits.time.monotonic", ticking)
    limits._minutes.clear()
    yield ticking
    limits._minutes.clear()


def caller(key_id: int = 1, *, requests: int | None = None, tokens: int | None = None) -> Caller:
    return Caller(
        key_id=key_id, key_public="p", key_name="k", team_id=1, team="t", organisation_id=1,
        scopes=frozenset({"infer"}), requests_per_minute=requests, tokens_per_minute=tokens,
    )  # fmt: skip


def test_a_key_without_limits_hears_of_none() -> None:
    assert limits.take(caller(), 10**9) == {}


def test_says_what_is_left_in_openais_words(clock: Clock) -> None:
    limits.take(caller(requests=3, tokens=100), 30)
    clock.now += 10
    assert limits.take(caller(requests=3, tokens=100), 20) == {
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "1",
        "x-ratelimit-reset-requests": "50.000s",
        "x-ratelimit-limit-tokens": "100",
        "x-ratelimit-remaining-tokens": "50",
        "x-ratelimit-reset-tokens": "50.000s",
    }


@pytest.mark.parametrize(("limit", "tokens"), [({"requests": 2}, 1), ({"tokens": 100}, 50)])
def test_refuses_beyond_the_limit_until_the_minute_is_over(
    clock: Clock, limit: dict[str, int], tokens: int
) -> None:
    for _ in range(2):
        limits.take(caller(**limit), tokens)
    clock.now += 20
    with pytest.raises(RateLimited) as refused:
        limits.take(caller(**limit), tokens)
    assert refused.value.retry_after_s == 40
    name = next(iter(limit))
    assert refused.value.headers[f"x-ratelimit-remaining-{name}"] == "0"
    clock.now += 40
    assert limits.take(caller(**limit), tokens)


def test_what_was_refused_does_not_count() -> None:
    limited = caller(tokens=100)
    with pytest.raises(RateLimited):
        limits.take(limited, 101)
    assert limits.take(limited, 100)["x-ratelimit-remaining-tokens"] == "0"


def test_keys_do_not_share_a_limit() -> None:
    limits.take(caller(1, requests=1), 1)
    assert limits.take(caller(2, requests=1), 1)
    with pytest.raises(RateLimited):
        limits.take(caller(1, requests=1), 1)
