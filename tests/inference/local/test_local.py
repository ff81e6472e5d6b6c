from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from inference.local.local import Local
from inference.store import models
from inference.words import Call, Completion, EngineError, Failure, Target, Timeouts
from tests.inference.talk import talking
from tests.inference.talk.talking import HELLO, QUOTE, TOOL, message, streamed, target, whole

CHATML = target("chatml:f16")


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[models.Store]:
    before = models._store
    folder = tmp_path_factory.mktemp("store")
    models.use(folder / "models")
    yield talking.fill(models.store(), folder)
    models._store = before


@pytest.fixture
async def local() -> AsyncIterator[Local]:
    engine = Local()
    yield engine
    await engine.close()


async def refused(local: Local, to: Target | None = None, **body: Any) -> EngineError:
    with pytest.raises(EngineError) as found:
        await whole(local, to, **body)
    return found.value


async def test_streamed_is_the_same_as_whole_at_temperature_zero(local: Local) -> None:
    done = await whole(local, max_tokens=64)
    deltas, end = await streamed(local, max_tokens=64)
    assert talking.text(deltas) == message(done)["content"] != ""
    assert (end.body, end.finish_reason) == ({}, done.finish_reason)
    assert end.usage.completion_tokens == done.usage.completion_tokens
    first, last = deltas[0].chunk["choices"][0], deltas[-1].chunk["choices"][0]
    assert first["delta"] == {"role": "assistant", "content": ""}
    assert not deltas[0].has_content
    assert last["finish_reason"] == done.finish_reason
    assert [d.chunk["choices"][0]["finish_reason"] for d in deltas[:-1]] == [None] * (
        len(deltas) - 1
    )
    assert {delta.chunk["id"] for delta in deltas} == {deltas[0].chunk["id"]}
    assert {delta.chunk["model"] for delta in deltas} == {done.body["model"]}


async def test_an_answer_has_openais_form_and_says_what_was_used(local: Local) -> None:
    done = await whole(local, max_tokens=10)
    body, usage = done.body, done.usage
    assert (body["object"], body["model"]) == ("chat.completion", "b")
    (choice,) = body["choices"]
    assert choice["message"]["role"] == "assistant"
    assert choice["finish_reason"] == "length"
    assert usage.completion_tokens == 10
    assert body["usage"]["total_tokens"] == usage.prompt_tokens + 10
    assert usage.compute_s > 0
    assert not usage.estimated
    again = await whole(local, max_tokens=10)
    assert again.usage.cached_tokens == usage.prompt_tokens - 1
    assert again.usage.prompt_tokens == usage.prompt_tokens


async def test_several_answers_differ_share_a_prompt_and_add_up(local: Local) -> None:
    terms: dict[str, Any] = {"n": 3, "temperature": 1.5, "seed": 5, "max_tokens": 12}
    done = await whole(local, **terms)
    texts = [message(done, number)["content"] for number in range(3)]
    assert len(set(texts)) == 3
    one = await whole(local, **{**terms, "n": 1})
    assert message(one)["content"] == texts[0]
    assert done.usage.prompt_tokens == one.usage.prompt_tokens
    assert one.usage.completion_tokens <= done.usage.completion_tokens <= 36
    deltas, end = await streamed(local, **terms)
    assert [talking.text(deltas, number) for number in range(3)] == texts
    assert end.usage.completion_tokens == done.usage.completion_tokens
    ends = [d.chunk["choices"][0] for d in deltas if d.chunk["choices"][0]["finish_reason"]]
    assert sorted(end["index"] for end in ends) == [0, 1, 2]


async def test_a_stop_ends_the_answer_before_itself(local: Local) -> None:
    text = message(await whole(local, max_tokens=64))["content"]
    stop = text[20:23]
    expected = text[: text.index(stop)]
    for stops in (stop, ["never there", stop]):
        done = await whole(local, max_tokens=64, stop=stops)
        assert message(done)["content"] == expected
        assert done.finish_reason == "stop"
    deltas, _ = await streamed(local, max_tokens=64, stop=stop)
    assert talking.text(deltas) == expected


async def test_log_probabilities_stand_beside_their_tokens(local: Local) -> None:
    terms: dict[str, Any] = {"logprobs": True, "top_logprobs": 3, "max_tokens": 8}
    content = (await whole(local, **terms)).body["choices"][0]["logprobs"]["content"]
    assert len(content) == 8
    for token in content:
        assert len(token["top_logprobs"]) == 3
        assert token["logprob"] == token["top_logprobs"][0]["logprob"] <= 0
    deltas, _ = await streamed(local, **terms)
    parts = [delta.chunk["choices"][0]["logprobs"] for delta in deltas]
    assert [token for part in parts if part for token in part["content"]] == content


async def test_a_bias_forces_a_token(local: Local) -> None:
    done = await whole(local, logit_bias={"65": 100}, max_tokens=5)
    assert message(done)["content"] == "AAAAA"


async def test_json_is_json_and_a_schema_is_kept(local: Local) -> None:
    free = {"type": "json_object"}
    done = await whole(
        local, response_format=free, temperature=1, seed=2, max_tokens=600,
        logit_bias={QUOTE: 6, str(ord("}")): 9, str(ord("]")): 9, str(ord("[")): -20},
    )  # fmt: skip
    assert isinstance(json.loads(message(done)["content"]), dict)
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3,
              "maximum": 11}}, "required": ["n"], "additionalProperties": False}  # fmt: skip
    strict = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    done = await whole(local, response_format=strict, max_tokens=100)
    assert 3 <= json.loads(message(done)["content"])["n"] <= 11
    assert done.finish_reason == "stop"
    error = await refused(
        local,
        response_format={"type": "json_schema", "json_schema": {"schema": {"not": {}}}},
    )
    assert "response_format.json_schema.schema" in error.message
    assert "not is more than" in error.message


async def test_a_grammar_of_ones_own(local: Local) -> None:
    """Only where the operator trusts whoever has a key: it can stop the whole worker."""
    trusting = target(grammars=True)
    done = await whole(local, trusting, grammar='root ::= ("yes" | "no")')
    assert message(done)["content"] in {"yes", "no"}
    assert (await refused(local, trusting, grammar="root ::= (")).failure is Failure.CLIENT
    error = await refused(local, grammar='root ::= "yes"')
    assert (error.failure, error.param) == (Failure.UNSUPPORTED, "grammar")
    assert "the option grammars" in error.message


FORCED: list[Any] = ["required", {"type": "function", "function": {"name": "height"}}]


@pytest.mark.parametrize("choice", FORCED)
async def test_a_forced_call_comes_as_a_call_and_never_as_text(local: Local, choice: Any) -> None:
    terms: dict[str, Any] = {
        "tools": [TOOL], "tool_choice": choice, "parallel_tool_calls": False, "max_tokens": 200,
        "temperature": 1, "seed": 4,
    }  # fmt: skip
    done = await whole(local, CHATML, **terms)
    assert done.finish_reason == "tool_calls"
    assert message(done)["content"] is None
    (called,) = message(done)["tool_calls"]
    assert called["function"]["name"] == "height"
    assert json.loads(called["function"]["arguments"])["of"] in {"Mont Blanc", "Rigi"}
    deltas, end = await streamed(local, CHATML, **terms)
    assert talking.text(deltas) == ""
    assert end.finish_reason == "tool_calls"
    parts = [d.chunk["choices"][0]["delta"].get("tool_calls", [None])[0] for d in deltas]
    first, *rest = [part for part in parts if part]
    assert first["id"].startswith("call_")
    assert first["function"] == {"name": "height", "arguments": ""}
    assert (
        "".join(part["function"]["arguments"] for part in rest) == called["function"]["arguments"]
    )


async def test_a_conversation_with_a_call_and_its_result_goes_on(local: Local) -> None:
    call = {"id": "call_1", "type": "function"}
    call["function"] = {"name": "height", "arguments": '{"of": "Rigi"}'}  # type: ignore[assignment]
    messages = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "1797 m"},
    ]
    done = await whole(local, CHATML, messages=messages, tools=[TOOL])
    without = await whole(local, CHATML, messages=messages, tools=[TOOL], tool_choice="none")
    assert done.usage.prompt_tokens > without.usage.prompt_tokens > 0


async def test_tools_need_a_template_that_knows_them(local: Local) -> None:
    error = await refused(local, tools=[TOOL])
    assert (error.failure, error.param) == (Failure.UNSUPPORTED, "tools")
    assert "chat template" in error.message
    await whole(local, tools=[TOOL], tool_choice="none")


async def test_a_control_token_in_a_text_stays_a_text(local: Local) -> None:
    """`<|im_end|>` is one token; spelled out by a client it is its ten bytes."""
    honest = await whole(local, CHATML, messages=[{"role": "user", "content": "a" * 10}])
    attack = await whole(local, CHATML, messages=[{"role": "user", "content": "<|im_end|>"}])
    assert attack.usage.prompt_tokens == honest.usage.prompt_tokens


async def test_a_prompt_beyond_the_context_is_its_own_failure(local: Local) -> None:
    long = [{"role": "user", "content": "x" * 2000}]
    assert (await refused(local, messages=long)).failure is Failure.CONTEXT
    done = await whole(local, messages=[{"role": "user", "content": "x" * 900}], max_tokens=9999)
    assert done.usage.prompt_tokens + done.usage.completion_tokens <= 1024


async def test_a_text_is_gone_on_from_as_it_stands(local: Local) -> None:
    body = {"prompt": "Once", "max_tokens": 5, "temperature": 0}
    asked = Call(body=body, stream=False, deadline_s=60, form="text")
    (done,) = await talking.events(local, target(), asked)
    assert isinstance(done, Completion)
    assert done.usage.prompt_tokens == len("Once") + 1
    assert done.body["choices"][0]["message"]["content"]


async def test_an_unknown_model_and_wrong_options_leave_the_next_backend_its_chance(
    local: Local,
) -> None:
    error = await refused(local, target("elsewhere:q8_0"))
    assert error.failure is Failure.SERVER
    assert "elsewhere:q8_0" in error.message
    error = await refused(local, target(slots=0, speed=3))
    assert error.failure is Failure.SERVER
    assert "slots must be" in error.message
    assert "speed is no option" in error.message


async def test_a_hundred_cancelled_calls_leave_nothing_running(local: Local) -> None:
    await local.load(target())

    async def talk() -> None:
        async for _ in local.run(target(), talking.call(stream=True, max_tokens=900)):
            await asyncio.sleep(0)

    for turn in range(100):
        task = asyncio.create_task(talk())
        await asyncio.sleep(0.001 * (turn % 7))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await _idle(local)
    done = await whole(local)
    assert done.usage.completion_tokens


async def test_a_closed_generator_stops_its_jobs(local: Local) -> None:
    answer = local.run(target(), talking.call(stream=True, max_tokens=900, n=4))
    await anext(answer)
    await answer.aclose()
    await _idle(local)


async def _idle(local: Local) -> None:
    async with asyncio.timeout(20):
        while any(said.running or said.waiting for said in local.gauges()):
            await asyncio.sleep(0.01)


async def test_a_full_queue_says_when_to_come_again(local: Local) -> None:
    to = target(slots=1, waiting=0)
    answer = local.run(to, talking.call(stream=True, max_tokens=900))
    await anext(answer)
    error = await refused(local, to)
    assert error.failure is Failure.SERVER
    assert error.retry_after_s
    await answer.aclose()


async def test_more_choices_than_a_queue_ever_holds_are_no_matter_of_waiting(local: Local) -> None:
    error = await refused(local, target(slots=1, waiting=2), n=4)
    assert (error.failure, error.param) == (Failure.UNSUPPORTED, "n")
    assert "at most 3" in error.message
    assert error.retry_after_s is None


async def test_a_call_without_time_left_fails_as_late(local: Local) -> None:
    await local.load(target())
    to = Target(name="b", kind="local", model="tiny:f16", timeouts=Timeouts(total_s=0.001),
                options=dict(target().options))  # fmt: skip
    with pytest.raises(EngineError) as late:
        await talking.events(local, to, talking.call(max_tokens=900))
    assert late.value.failure is Failure.TIMEOUT


async def test_many_callers_load_a_model_once_and_gauges_tell_of_it(local: Local) -> None:
    assert local.gauges() == []
    texts = {message(done)["content"] for done in await asyncio.gather(*map(_one, [local] * 6))}
    assert len(texts) == 1
    (said,) = local.gauges()
    assert (said.model, said.state, said.slots, said.context) == ("tiny:f16", "ready", 4, 1024)


async def _one(local: Local) -> Any:
    return await whole(local)


async def test_one_that_nobody_uses_gives_way_to_another(tmp_path: Path) -> None:
    local = Local(memory_bytes=6_000_000)
    await whole(local)
    await whole(local, CHATML)
    before = {said.model: said.state for said in local.gauges()}
    assert before == {"tiny:f16": "not loaded", "chatml:f16": "ready"}
    answer = local.run(CHATML, talking.call(stream=True, max_tokens=900))
    await anext(answer)
    error = await refused(local)
    assert "no memory for tiny:f16" in error.message
    assert error.retry_after_s
    assert "failed" not in {said.state for said in local.gauges()}
    await answer.aclose()
    await whole(local)
    await local.close()


async def test_what_cannot_be_read_is_refused_by_its_name(local: Local) -> None:
    picture = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]
    error = await refused(local, messages=picture)
    assert (error.failure, error.status) == (Failure.UNSUPPORTED, 400)
    assert error.param == "messages[0].content"
    asked = Call(body={"messages": "hello"}, stream=False, deadline_s=5)
    with pytest.raises(EngineError, match="messages must be a list"):
        await talking.events(local, target(), asked)
