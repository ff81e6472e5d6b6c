from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from inference import counting, sandbox_answers, shapes
from inference.sandbox import MODES, OPTIONS, Sandbox, check_options
from inference.words import Call, Completion, Delta, EngineError, Event, Failure, Target, Timeouts

BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "How high is Mont Blanc?"}]}
TOOL = {
    "type": "function",
    "function": {
        "name": "height",
        "parameters": {
            "type": "object",
            "properties": {"of": {"type": "string"}, "unit": {"enum": ["m", "ft"]}},
            "required": ["of"],
        },
    },
}


def target(**options: Any) -> Target:
    limits = Timeouts(first_token_s=0.2, between_tokens_s=0.2, total_s=2)
    return Target(name="s", kind="sandbox", model="sandbox-large", timeouts=limits, options=options)


async def collect(
    engine: Sandbox, to: Target, asked: Call
) -> tuple[list[Event], EngineError | None]:
    events: list[Event] = []
    try:
        async for event in engine.run(to, asked):
            events.append(event)
    except EngineError as error:
        return events, error
    return events, None


async def whole(to: Target | None = None, **body: Any) -> Completion:
    asked = Call(body={**BODY, **body}, stream=False, deadline_s=5)
    events, error = await collect(Sandbox(), to or target(), asked)
    assert error is None
    (done,) = events
    assert isinstance(done, Completion)
    return done


async def streamed(to: Target | None = None, **body: Any) -> tuple[list[Delta], Completion]:
    asked = Call(body={**BODY, **body}, stream=True, deadline_s=5)
    events, error = await collect(Sandbox(), to or target(), asked)
    assert error is None
    done = events.pop()
    assert isinstance(done, Completion)
    return [event for event in events if isinstance(event, Delta)], done


def said(done: Completion) -> str:
    return str(done.body["choices"][0]["message"]["content"])


async def test_it_says_what_it_is_and_what_was_asked() -> None:
    text = said(await whole())
    assert "KORA sandbox" in text
    assert "How high is Mont Blanc?" in text


async def test_the_same_prompt_has_the_same_answer_streamed_or_not() -> None:
    first, second = await whole(), await whole()
    assert said(first) == said(second)
    assert first.body["id"] == second.body["id"]
    deltas, done = await streamed()
    words = [delta.chunk["choices"][0]["delta"].get("content") or "" for delta in deltas]
    assert "".join(words) == said(first)
    assert done.usage == first.usage
    assert [delta.has_content for delta in deltas] == [False] + [True] * (len(deltas) - 2) + [False]


async def test_usage_is_four_bytes_a_token() -> None:
    done = await whole()
    assert done.usage.prompt_tokens == counting.estimate_tokens(BODY)
    assert done.usage.completion_tokens == counting.count(said(done))
    assert done.body["usage"]["total_tokens"] == done.usage.total_tokens


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_it_keeps_to_the_limit_of_tokens(name: str) -> None:
    limit: dict[str, Any] = {name: 5}
    done = await whole(**limit)
    assert (done.usage.completion_tokens, done.finish_reason) == (5, "length")
    assert said(done) == "This is the KORA san"


@pytest.mark.parametrize("stop", ["sandbox", ["nowhere", "sandbox"]])
async def test_it_stops_before_a_stop(stop: Any) -> None:
    done = await whole(stop=stop)
    assert said(done) == "This is the KORA "
    assert done.finish_reason == "stop"


async def test_n_gives_n_choices_that_differ() -> None:
    done = await whole(n=3)
    texts = [choice["message"]["content"] for choice in done.body["choices"]]
    assert len(set(texts)) == 3
    deltas, _ = await streamed(n=3)
    assert {delta.chunk["choices"][0]["index"] for delta in deltas} == {0, 1, 2}


@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "height"}}]
)
async def test_it_calls_the_tool_insisted_on(choice: Any) -> None:
    done = await whole(tools=[TOOL], tool_choice=choice)
    (called,) = done.body["choices"][0]["message"]["tool_calls"]
    assert called["function"]["name"] == "height"
    assert json.loads(called["function"]["arguments"]) == {"of": "sandbox", "unit": "m"}
    assert done.finish_reason == "tool_calls"
    deltas, end = await streamed(tools=[TOOL], tool_choice=choice)
    assert end.finish_reason == "tool_calls"
    sent = [delta for delta in deltas if delta.has_content]
    assert sent[0].chunk["choices"][0]["delta"]["tool_calls"][0]["index"] == 0


async def test_left_to_choose_it_answers_with_words() -> None:
    assert "sandbox" in said(await whole(tools=[TOOL], tool_choice="auto"))


SCHEMAS: list[dict[str, Any]] = [
    {"type": "object"},
    {"type": "object", "properties": {"a": {"type": "integer", "minimum": 3}}, "required": ["a"]},
    {"type": "array", "items": {"type": "number", "exclusiveMinimum": 1}, "minItems": 3},
    {"type": "string", "minLength": 30, "maxLength": 31},
    {"type": ["string", "null"]},
    {"const": 7},
    {"enum": ["x", "y"]},
    {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
    {"allOf": [{"properties": {"a": {"type": "null"}}}, {"required": ["a"]}], "type": "object"},
    {"type": "integer", "maximum": -4, "multipleOf": 3},
    {"type": "string", "format": "date-time"},
    {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                },
                "required": ["name", "next", "children"],
                "additionalProperties": False,
            }
        },
    },
]


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_json_has_the_shape_that_was_asked_for(schema: dict[str, Any]) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    jsonschema.validate(json.loads(said(await whole(response_format=wanted))), schema)


def test_a_schema_that_is_none_breaks_nothing() -> None:
    cases: list[Any] = [None, 3, [], {"type": "odd"}, {"$ref": "#/nowhere"}, {"properties": {}}]
    for nonsense in cases:
        json.dumps(shapes.example(nonsense))


UNUSABLE: list[Any] = [
    {"type": "array", "minItems": 10**9, "items": {"type": "array", "minItems": 10**9}},
    {"type": "string", "minLength": 10**9},
    {"type": "array", "minItems": 1000, "items": {"default": "x" * 1000}},
    {"properties": {name: {"$ref": "#"} for name in "abcdefghij"}, "required": [*"abcdefghij"]},
    {"type": "object", "properties": [1]},
    {"type": "integer", "minimum": "low"},
    {"enum": {"a": 1}},
]


@pytest.mark.parametrize("schema", UNUSABLE)
@pytest.mark.parametrize("asked", ["answer", "tool"])
async def test_a_schema_that_cannot_be_followed_is_the_clients_mistake(
    schema: Any, asked: str
) -> None:
    """And costs neither time nor memory: one such request must not take the worker from all."""
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    wanted: dict[str, Any] = {"json_schema": {"name": "x", "schema": schema}, "type": "json_schema"}
    extra = {"response_format": wanted} if asked == "answer" else {"tools": [tool]}
    body = {**BODY, **extra, "tool_choice": "required"}
    began = time.monotonic()
    _, error = await collect(Sandbox(), target(), Call(body=body, stream=False, deadline_s=5))
    assert error is not None
    assert error.failure is Failure.CLIENT
    assert time.monotonic() - began < 1


async def test_json_object_is_json() -> None:
    assert isinstance(json.loads(said(await whole(response_format={"type": "json_object"}))), dict)


async def test_logprobs_name_every_token() -> None:
    done = await whole(logprobs=True)
    tokens = done.body["choices"][0]["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == said(done)


async def test_it_is_as_slow_as_it_is_told() -> None:
    began = time.monotonic()
    await streamed(target(first_token_ms=100, token_ms=10, reply="one two three four five six"))
    assert 0.14 <= time.monotonic() - began < 1


FAILING: list[tuple[str, Failure, int]] = [
    ("slow_first", Failure.TIMEOUT, 1),
    ("silence", Failure.TIMEOUT, 0),
    ("slow_tokens", Failure.TIMEOUT, 4),
    ("cut", Failure.CUT, 4),
    ("malformed", Failure.MALFORMED, 4),
    ("rate_limit", Failure.KEY_TRANSIENT, 1),
    ("unauthorized", Failure.KEY_PERMANENT, 1),
    ("server_error", Failure.SERVER, 1),
    ("context", Failure.CONTEXT, 1),
    ("policy", Failure.POLICY, 1),
]


def test_every_mode_is_tried() -> None:
    assert {mode for mode, _, _ in FAILING} == MODES


@pytest.mark.parametrize(("mode", "failure", "before"), FAILING)
@pytest.mark.parametrize("stream", [False, True])
async def test_it_fails_as_it_is_told(
    mode: str, failure: Failure, before: int, stream: bool
) -> None:
    asked = Call(body=BODY, stream=stream, deadline_s=0.5)
    events, error = await collect(Sandbox(), target(fail=mode, retry_after_s=3), asked)
    assert error is not None
    assert error.failure is failure
    assert error.retry_after_s == (3 if mode == "rate_limit" else None)
    assert len(events) == (before if stream else 0)


async def test_it_fails_after_the_chunks_it_is_told_or_at_the_end() -> None:
    asked = Call(body=BODY, stream=True, deadline_s=5)
    to = target(fail="server_error", fail_after=2)
    events, error = await collect(Sandbox(), to, asked)
    assert len([event for event in events if isinstance(event, Delta) and event.has_content]) == 2
    to = target(fail="cut", fail_after=2, reply="short")
    events, error = await collect(Sandbox(), to, asked)
    assert error is not None
    assert not any(isinstance(event, Completion) for event in events)


async def test_the_same_calls_of_a_seed_fail() -> None:
    to = target(fail="server_error", fail_rate=0.3, seed=7)
    asked = Call(body=BODY, stream=False, deadline_s=5)
    runs = []
    for _ in range(2):
        engine = Sandbox()
        runs.append([(await collect(engine, to, asked))[1] is None for _ in range(100)])
    assert runs[0] == runs[1]
    assert 55 < sum(runs[0]) < 85


async def test_a_table_answers_the_questions_it_knows() -> None:
    known = sandbox_answers.mark(sandbox_answers.question(BODY))
    for mark, said in ((known, "from the table"), ("0" * 16, "KORA sandbox")):
        done = await whole(target(answers={mark: "from the table"}))
        assert said in done.body["choices"][0]["message"]["content"]


async def test_cancelling_it_ends_it_at_once() -> None:
    to = target(first_token_ms=60_000)
    asked = Call(body=BODY, stream=True, deadline_s=5)
    task = asyncio.create_task(collect(Sandbox(), to, asked))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({}, 0),
        ({"first_token_ms": 20, "token_ms": 1.5, "fail": "cut", "fail_after": 2, "seed": 1}, 0),
        ({"speed": 3}, 1),
        ({"token_ms": -1}, 1),
        ({"token_ms": True}, 1),
        ({"token_ms": "fast"}, 1),
        ({"fail": "odd"}, 1),
        ({"fail": ["cut"]}, 1),
        ({"fail_after": 1.5, "fail": "cut"}, 1),
        ({"fail_rate": 0.5}, 1),
        ({"fail_rate": 2, "fail": "cut"}, 1),
        ({"reply": 3}, 1),
        ({"answers": {"0123456789abcdef": "yes"}}, 0),
        ({"answers": {"0123456789abcdef": 3}}, 1),
        ({"answers": ["yes"]}, 1),
    ],
)
def test_options_are_checked(options: dict[str, Any], wrong: int) -> None:
    assert len(check_options(options)) == wrong


def test_every_option_is_in_the_documents() -> None:
    text = Path("docs/providers.md").read_text()
    for word in [*OPTIONS, *MODES, *Failure]:
        assert f"`{word}`" in text, word
