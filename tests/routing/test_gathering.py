"""A whole answer that is asked for as a stream: the same answer, and silence is noticed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from inference.sandbox import Sandbox
from inference.words import Call, Completion, EngineError, Event, Failure, Target, Timeouts
from routing import gathering
from routing.keyrings import Key, Ring, Turn

CALL = Call(
    body={"messages": [{"role": "user", "content": "hello"}]}, stream=False, deadline_s=30.0
)


def heard(times: Timeouts, **options: Any) -> list[Event]:
    target = Target(name="toy", kind="sandbox", model="toy", timeouts=times, options=options)
    ring = Ring(keys=(Key(key_id=0, label="own", secret=""),))
    turn = Turn(ring=ring, left_s=lambda: 30.0, on_refused=lambda *_: None)

    async def run() -> list[Event]:
        coming = gathering.events(Sandbox(), target, CALL, turn=turn, count=lambda _: 1)
        return [event async for event in coming]

    return asyncio.run(run())


def test_the_answer_is_the_same_in_one_piece() -> None:
    plain, gathered = heard(Timeouts()), heard(Timeouts(whole_first_s=5.0))
    for events in (plain, gathered):
        assert len(events) == 1
    first, second = plain[0], gathered[0]
    assert isinstance(first, Completion)
    assert isinstance(second, Completion)
    for name in ("role", "content"):
        told = [each.body["choices"][0]["message"][name] for each in (first, second)]
        assert told[0] == told[1]
    assert second.body["choices"][0]["finish_reason"] == "stop"
    assert second.usage == first.usage


@pytest.mark.parametrize(
    ("times", "options", "failure"),
    [
        ({"whole_first_s": 0.1}, {"fail": "silence"}, Failure.TIMEOUT),
        ({"whole_first_s": 5.0}, {"fail": "cut"}, Failure.CUT),
        (
            {"whole_first_s": 5.0, "least_tps": 500, "judge_s": 0.1},
            {"token_ms": 50},
            Failure.SLOW,
        ),
    ],
)
def test_silence_and_slowness_end_it_early(
    times: dict[str, float], options: dict[str, Any], failure: Failure
) -> None:
    with pytest.raises(EngineError) as raised:
        heard(Timeouts(**times), **options)
    assert raised.value.failure is failure
