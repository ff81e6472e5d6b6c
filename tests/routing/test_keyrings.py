"""A provider's keys, used in turn: refused ones never again, limited ones when they have rested."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping

import pytest

from inference.words import Call, Completion, Delta, EngineError, Event, Failure, Target, Usage
from routing import keyrings
from routing.keyrings import Key, Ring, Turn

CALL = Call(body={}, stream=False, deadline_s=60.0)
TARGET = Target(name="a", kind="openai-compatible", model="m")
REFUSED = EngineError(Failure.KEY_PERMANENT, "401", status=401)
BROKEN = EngineError(Failure.SERVER, "500")


def limited(after_s: float | None) -> EngineError:
    return EngineError(Failure.KEY_TRANSIENT, "429", retry_after_s=after_s, status=429)


class Provider:
    """Answers, or says of a key what it was told to say."""

    def __init__(self, says: Mapping[str, EngineError], *, after: int = 0) -> None:
        self._says = says
        self._after = after
        self.seen: list[str] = []

    async def run(self, target: Target, call: Call) -> AsyncGenerator[Event, None]:
        self.seen.append(target.secret)
        for _ in range(self._after):
            yield Delta(chunk={}, has_content=True)
        if target.secret in self._says:
            raise self._says[target.secret]
        yield Completion(body={}, usage=Usage(prompt_tokens=1, completion_tokens=1))

    async def close(self) -> None:
        return None


def ring(*secrets: str) -> Ring:
    keys = (Key(key_id=number, label=each, secret=each) for number, each in enumerate(secrets))
    return Ring(keys=tuple(keys))


class Asked:
    """One attempt after the other with the same ring."""

    def __init__(self, held: Ring) -> None:
        self.ring = held
        self.refusals: list[str] = []
        self.told: list[dict[str, str]] = []

    def ask(self, provider: Provider) -> EngineError | None:
        def note(key: Key, why: str) -> None:
            self.refusals.append(f"{key.label}: {why}")

        turn = Turn(ring=self.ring, left_s=lambda: 60.0, on_refused=note)
        try:
            asyncio.run(_all(keyrings.run(provider, TARGET, CALL, turn)))
        except EngineError as error:
            return error
        finally:
            self.told = turn.told()
        return None


async def _all(events: AsyncGenerator[Event, None]) -> None:
    """As the engine room does: nobody asks for more after the answer."""
    async for event in events:
        if isinstance(event, Completion):
            break
    await events.aclose()


def test_a_refused_key_gives_way_at_once_and_is_never_used_again() -> None:
    asked, provider = Asked(ring("bad", "good")), Provider({"bad": REFUSED})
    assert asked.ask(provider) is None
    assert asked.ask(provider) is None
    assert provider.seen == ["bad", "good", "good"]
    assert asked.refusals == ["bad: 401"]


def test_the_receipt_is_told_of_each_key_where_there_are_several() -> None:
    asked = Asked(ring("bad", "good"))
    asked.ask(Provider({"bad": REFUSED}))
    assert asked.told == [
        {"key": "bad", "outcome": "refused"},
        {"key": "good", "outcome": "used"},
    ]
    alone = Asked(ring("good"))
    alone.ask(Provider({}))
    assert alone.told == []


def test_a_limited_key_rests_as_long_as_it_says_and_the_longest_rested_comes_first() -> None:
    held = ring("a", "b", "c")
    held.limit(held.keys[0], 10.0, now=0.0)
    held.limit(held.keys[1], 1.0, now=1.0)
    a, b, c = held.keys
    assert [held.next(1.5), held.next(3.0)] == [c, c]
    held.limit(c, 1.0, now=3.0)
    assert held.next(3.5) == b
    assert held.next(11.0) == a


def test_when_all_keys_are_limited_the_soonest_is_told() -> None:
    asked = Asked(ring("a", "b"))
    error = asked.ask(Provider({"a": limited(30.0), "b": limited(90.0)}))
    assert error is not None
    assert error.failure is Failure.KEY_TRANSIENT
    assert error.retry_after_s == pytest.approx(30.0, abs=1.0)
    resting = Provider({})
    error = asked.ask(resting)
    assert error is not None
    assert error.failure is Failure.KEY_TRANSIENT
    assert resting.seen == [], "nobody is asked while all rest"


def test_when_all_keys_are_refused_nobody_is_asked_and_the_reason_says_what_to_do() -> None:
    asked = Asked(ring("a", "b"))
    error = asked.ask(Provider({"a": REFUSED, "b": REFUSED}))
    assert error is not None
    assert error.failure is Failure.KEY_PERMANENT
    later = Provider({})
    error = asked.ask(later)
    assert error is not None
    assert "enter another" in error.message
    assert later.seen == []


@pytest.mark.parametrize("says", [BROKEN, limited(0.0), limited(None)])
def test_one_key_alone_is_asked_once_in_an_attempt(says: EngineError) -> None:
    provider = Provider({"a": says})
    assert Asked(ring("a")).ask(provider) is says
    assert provider.seen == ["a"]


def test_what_is_no_key_s_fault_is_not_tried_with_another() -> None:
    provider = Provider({"a": BROKEN})
    assert Asked(ring("a", "b")).ask(provider) is BROKEN
    assert provider.seen == ["a"]


def test_once_something_was_said_no_other_key_says_it_again() -> None:
    provider = Provider({"a": REFUSED}, after=1)
    assert Asked(ring("a", "b")).ask(provider) is not None
    assert provider.seen == ["a"]


def test_who_needs_no_key_has_none_to_lose() -> None:
    asked, provider = Asked(ring("")), Provider({"": REFUSED})
    for _ in range(2):
        assert asked.ask(provider) is REFUSED
    assert provider.seen == ["", ""]
    assert asked.refusals == []


def test_a_key_that_was_mended_is_used_again_and_rests_survive_a_look() -> None:
    held = ring("a", "b")
    held.refuse(held.keys[0])
    held.limit(held.keys[1], 60.0, now=100.0)
    mended = held.like(held.keys)
    assert mended.next(101.0) == held.keys[0]
    assert mended.rests_for_s(101.0) == 0.0
