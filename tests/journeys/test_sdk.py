"""OpenAI's own Python SDK, unchanged, against KORA."""

from __future__ import annotations

import json
from typing import Any

import openai
import pydantic
import pytest

from tests.journeys.world import World, asking, words

pytestmark = pytest.mark.journey

PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
}
TOOL: Any = {"type": "function", "function": {"name": "forecast", "parameters": PARAMETERS}}


def test_a_whole_answer(world: World) -> None:
    text = words()
    answer = world.client().chat.completions.create(model="j-fast", messages=asking(text))
    assert answer.id.startswith("chatcmpl-")
    assert answer.object == "chat.completion"
    assert text in (answer.choices[0].message.content or "")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.completion_tokens > 0


async def test_whole_and_streamed_answers_of_the_async_client_say_the_same(world: World) -> None:
    text = words()
    async with world.async_client() as client:
        stream = await client.chat.completions.create(
            model="j-fast", messages=asking(text), stream=True
        )
        chunks = [chunk async for chunk in stream]
        raw = await client.chat.completions.with_raw_response.create(
            model="j-fast", messages=asking(text), extra_headers={"x-kora-cache": "no-cache"}
        )
    streamed = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert streamed == raw.parse().choices[0].message.content
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[-1].choices == []
    assert chunks[-1].usage
    assert chunks[-1].usage.completion_tokens > 0
    assert raw.headers["x-kora-tier"] == "cloud"


def test_the_last_chunk_tells_the_cost(world: World) -> None:
    with world.client().chat.completions.with_streaming_response.create(
        model="j-fast", messages=asking(words()), stream=True
    ) as streaming:
        assert streaming.headers["x-kora-backend"] == "j-fast"
        lines = [line for line in streaming.iter_lines() if line]
    assert lines[-1] == "data: [DONE]"
    usage = json.loads(lines[-2].removeprefix("data: "))["usage"]
    expected = (usage["prompt_tokens"] * 100 + usage["completion_tokens"] * 200) / 1e6
    assert float(usage["cost"]) == pytest.approx(expected, abs=1e-9)
    assert (usage["saved"], usage["estimated"]) == ("0.000000000", False)


def test_a_required_tool_is_called_the_same_way_in_both_modes(world: World) -> None:
    terms: Any = {
        "model": "j-fast",
        "messages": asking(words()),
        "tools": [TOOL],
        "tool_choice": "required",
    }
    client = world.client()
    raw = client.chat.completions.with_raw_response.create(**terms)
    choice = raw.parse().choices[0]
    assert choice.finish_reason == "tool_calls"
    whole = [call.model_dump() for call in choice.message.tool_calls or ()]
    assert set(json.loads(whole[0]["function"]["arguments"])) == {"city", "days"}
    with client.chat.completions.stream(**terms) as stream:
        final = stream.get_final_completion().choices[0]
    streamed = [call.model_dump() for call in final.message.tool_calls or ()]
    assert [_plain(call) for call in streamed] == [_plain(call) for call in whole]
    assert final.finish_reason == "tool_calls"
    again = client.chat.completions.with_raw_response.create(**terms)
    assert again.headers["x-kora-tier"] == "cloud", "tool calls may have effects: never replayed"


def _plain(call: dict[str, Any]) -> tuple[str, str, str]:
    return call["id"], call["function"]["name"], call["function"]["arguments"]


class City(pydantic.BaseModel):
    name: str
    inhabitants: int
    twins: list[str]


def test_a_schema_is_kept_and_parsed_by_the_sdk(world: World) -> None:
    answer = world.client().chat.completions.parse(
        model="j-fast", messages=asking(words()), response_format=City
    )
    assert isinstance(answer.choices[0].message.parsed, City)
    plain = world.client().chat.completions.create(
        model="j-fast", messages=asking(words()), response_format={"type": "json_object"}
    )
    assert json.loads(plain.choices[0].message.content or "")


def test_two_choices(world: World) -> None:
    client = world.client()
    text = words()
    whole = client.chat.completions.create(model="j-fast", messages=asking(text), n=2)
    assert [choice.index for choice in whole.choices] == [0, 1]
    with client.chat.completions.stream(
        model="j-fast", messages=asking(text), n=2, extra_headers={"x-kora-cache": "no-cache"}
    ) as stream:
        final = stream.get_final_completion()
    assert [c.message.content for c in final.choices] == [c.message.content for c in whole.choices]


def test_models_are_listed_and_found(world: World) -> None:
    client = world.client()
    names = {model.id for model in client.models.list()}
    assert {"auto", "auto:cheap", "auto:fast", "auto:best", "auto:local", "j-fast"} <= names
    assert client.models.retrieve("j-fast").owned_by == "sandbox"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody")
    limited = world.client(world.key(models=["j-fast"]))
    assert not {"j-dear", "j-slow"} & {model.id for model in limited.models.list()}


ERRORS: list[tuple[dict[str, Any], type[openai.APIStatusError], int, str, str | None]] = [
    ({"temperature": 5}, openai.BadRequestError, 400, "invalid_request", "temperature"),
    ({"extra_body": {"kora": {"x": 1}}}, openai.BadRequestError, 400, "invalid_request", "kora.x"),
    ({"model": "nobody"}, openai.NotFoundError, 404, "model_not_found", "model"),
    ({"model": "j-strict"}, openai.BadRequestError, 400, "invalid_request", None),
    ({"model": "j-broken"}, openai.InternalServerError, 502, "upstream_failed", None),
    ({"model": "j-shut"}, openai.InternalServerError, 502, "upstream_failed", None),
    ({"model": "j-garbled"}, openai.InternalServerError, 502, "upstream_failed", None),
    (
        {"model": "j-mute", "extra_headers": {"x-kora-max-latency-ms": "300"}},
        openai.InternalServerError,
        504,
        "deadline_exceeded",
        None,
    ),
    (
        {"extra_headers": {"x-kora-max-cost": "0.000000001"}},
        openai.UnprocessableEntityError,
        422,
        "infeasible",
        None,
    ),
    ({"messages": asking("x" * 11_000_000)}, openai.APIStatusError, 413, "request_too_large", None),
]


@pytest.mark.parametrize(("terms", "kind", "status", "code", "param"), ERRORS)
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_is_the_sdks_own(
    world: World,
    terms: dict[str, Any],
    kind: type[openai.APIStatusError],
    status: int,
    code: str,
    param: str | None,
    stream: bool,
) -> None:
    with pytest.raises(kind) as raised:
        world.client().chat.completions.create(
            **{"model": "j-fast", "messages": asking(words()), "stream": stream, **terms}
        )
    assert (raised.value.status_code, raised.value.code) == (status, code)
    assert raised.value.param == param


def test_keys_that_may_not(world: World) -> None:
    chat = {"model": "j-fast", "messages": asking("x")}
    with pytest.raises(openai.AuthenticationError) as unknown:
        world.client("kora_nobody_nothing").chat.completions.create(**chat)  # type: ignore[call-overload]
    assert unknown.value.code == "invalid_api_key"
    for key in (world.key(models=["j-dear"]), world.key(ip_ranges=["203.0.113.0/24"])):
        with pytest.raises(openai.PermissionDeniedError):
            world.client(key).chat.completions.create(**chat)  # type: ignore[call-overload]


def test_a_stream_that_breaks_raises_in_the_middle(world: World) -> None:
    stream = world.client().chat.completions.create(
        model="j-cut", messages=asking(words()), stream=True
    )
    heard = []
    with pytest.raises(openai.APIError) as raised:
        for chunk in stream:
            heard.append(chunk.choices[0].delta.content)
    assert len([text for text in heard if text]) == 3
    assert raised.value.code == "upstream_failed"
