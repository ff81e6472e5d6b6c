from __future__ import annotations

import asyncio

import pytest

from inference import cloud
from inference.engines import open_engines
from inference.words import Call, EngineError, Failure, Target


async def test_each_kind_has_one_engine_that_is_made_once() -> None:
    engines = open_engines()
    kinds = ["sandbox", "openai-compatible", "cloud", "local"]
    assert len({id(engines.for_kind(kind)) for kind in kinds}) == 4
    assert engines.for_kind("sandbox") is engines.for_kind("sandbox")
    await engines.close()
    await engines.close()


async def test_what_is_not_there_says_so() -> None:
    engines = open_engines()
    with pytest.raises(EngineError, match="no engine of kind 'odd'"):
        engines.for_kind("odd")
    hello = Call(body={"messages": [{"role": "user", "content": "hi"}]}, stream=False, deadline_s=9)
    with pytest.raises(EngineError, match="absent:q8_0 is not in the store") as refused:
        async for _ in engines.for_kind("local").run(
            Target(name="b", kind="local", model="absent:q8_0"), hello
        ):
            pass
    assert refused.value.failure is Failure.SERVER
    assert engines.gauges() == []


async def test_warming_blocks_nobody() -> None:
    thread = open_engines().warm()
    while thread.is_alive():
        await asyncio.sleep(0.05)
    assert cloud.library().num_retries == 0
