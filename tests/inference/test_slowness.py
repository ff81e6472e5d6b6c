"""A stream that begins too slowly is a failure that nobody has seen anything of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from inference import slowness
from inference.words import Completion, Delta, EngineError, Event, Failure, Timeouts, Usage

DONE = Completion(body={}, usage=Usage(prompt_tokens=1, completion_tokens=1))
ROLE = Delta(chunk={"role": True}, has_content=False)
WORD = Delta(chunk={"word": True}, has_content=True)
Script = Sequence[tuple[float, Event]]


async def played(script: Script) -> AsyncGenerator[Event, None]:
    for pause_s, event in script:
        await asyncio.sleep(pause_s)
        yield event


def heard(script: Script, *, least_tps: float, judge_s: float = 0.2) -> tuple[list[Event], int]:
    """What is shown, and how many tokens were counted, whether or not it failed."""
    counted: list[Delta] = []
    shown: list[Event] = []
    timeouts = Timeouts(least_tps=least_tps, judge_s=judge_s)

    def count(delta: Delta) -> int:
        counted.append(delta)
        return int(delta.has_content)

    async def run() -> None:
        async for event in slowness.judged(played(script), timeouts, count):
            shown.append(event)

    try:
        asyncio.run(run())
    except EngineError as error:
        assert error.failure is Failure.SLOW
        return [*shown], -len(counted)
    return shown, len(counted)


def test_without_a_floor_everything_goes_through() -> None:
    script: Script = [(0.0, ROLE), (0.0, WORD), (0.0, WORD), (0.0, DONE)]
    assert heard(script, least_tps=0) == ([ROLE, WORD, WORD, DONE], 3)


def test_a_quick_one_is_shown_whole_and_in_order() -> None:
    script: Script = [(0.0, ROLE), *[(0.01, WORD)] * 40, (0.0, DONE)]
    shown, counted = heard(script, least_tps=20)
    assert shown == [each for _, each in script]
    assert counted == 41


def test_a_slow_one_is_never_seen_but_what_it_wrote_is_counted() -> None:
    shown, counted = heard([(0.0, ROLE), *[(0.06, WORD)] * 40], least_tps=50)
    assert shown == []
    assert -10 < counted < -1


def test_one_that_stalls_after_its_first_word_is_told_in_time() -> None:
    assert heard([(0.0, WORD), (30.0, WORD)], least_tps=50)[0] == []


def test_one_that_pauses_after_a_quick_beginning_goes_on() -> None:
    script: Script = [*[(0.0, WORD)] * 30, (0.5, WORD), (0.0, DONE)]
    assert heard(script, least_tps=50)[0] == [each for _, each in script]


def test_a_short_answer_is_as_quick_as_it_is_long() -> None:
    assert heard([(0.0, WORD), (0.0, DONE)], least_tps=1000)[0] == [WORD, DONE]


def test_a_failure_while_it_is_held_back_is_its_own() -> None:
    async def cut() -> AsyncGenerator[Event, None]:
        yield WORD
        raise EngineError(Failure.CUT, "it ended")

    async def run() -> list[Event]:
        timeouts = Timeouts(least_tps=1)
        return [event async for event in slowness.judged(cut(), timeouts, lambda _: 1)]

    with pytest.raises(EngineError) as raised:
        asyncio.run(run())
    assert raised.value.failure is Failure.CUT
