from __future__ import annotations

import re
from typing import Any

import pytest

from inference.local import options
from inference.talk import asking
from inference.words import EngineError, Failure
from tests.inference.talk.talking import HELLO, TOOL

CALLED: dict[str, Any] = {"role": "assistant", "content": None}
SCHEMA = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}


def read(**fields: Any) -> asking.Asked:
    return asking.read({"messages": HELLO, **fields})


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"messages": []}, "messages must be a list"),
    ({"messages": ["hi"]}, "messages[0] must be an object"),
    ({"messages": [{"role": "boss", "content": "x"}]}, "messages[0].role must be one of"),
    ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content must be a text"),
    ({"messages": [{**CALLED, "tool_calls": [{"id": "1"}]}]}, "messages[0].tool_calls"),
    ({"messages": [{**CALLED, "name": 3}]}, "messages[0].name must be a text"),
    ({"temperature": "hot"}, "temperature must be a number from 0 to 2"),
    ({"temperature": float("nan")}, "temperature"),
    ({"top_p": 1.1}, "top_p"),
    ({"top_k": 1.5}, "top_k must be a whole number"),
    ({"min_p": -1}, "min_p"),
    ({"presence_penalty": 3}, "presence_penalty"),
    ({"frequency_penalty": True}, "frequency_penalty"),
    ({"repeat_penalty": 0}, "repeat_penalty"),
    ({"seed": "x"}, "seed"),
    ({"n": 0}, "n must be a whole number from 1 to 128"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_completion_tokens": -1}, "max_completion_tokens"),
    ({"stop": ""}, "stop must be a text or a list"),
    ({"stop": [1]}, "stop must be a text or a list"),
    ({"logprobs": 1}, "logprobs must be true or false"),
    ({"top_logprobs": 2}, "top_logprobs needs logprobs"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ({"logit_bias": {"the": 1}}, "logit_bias names no token"),
    ({"logit_bias": {"1": 101}}, "logit_bias must be a number"),
    ({"logit_bias": [1]}, "logit_bias must be an object"),
    ({"logit_bias": {"5": None}}, "logit_bias must be a number"),
    ({"parallel_tool_calls": "x"}, "parallel_tool_calls must be true or false"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "without a text"),
    ({"response_format": {"type": "xml"}}, "response_format must be of type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema must be"),
    ({"grammar": 1}, "grammar must be a text"),
    ({"tools": {}}, "tools must be a list"),
    ({"tools": [{"type": "function"}]}, "tools must be functions with a name"),
    ({"tools": [{"function": {"name": "x", "parameters": 3}}]}, "have no schema"),
    ({"tools": [TOOL], "tool_choice": {"function": {"name": "other"}}}, "tool_choice must be"),
    ({"tools": [TOOL], "parallel_tool_calls": 1}, "parallel_tool_calls must be"),
    ({"tool_choice": "required"}, "there are no tools"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "why"), REFUSED)
def test_what_is_wrong_is_refused_by_the_name_of_its_field(
    fields: dict[str, Any], why: str
) -> None:
    with pytest.raises(EngineError, match=re.escape(why)) as refused:
        read(**fields)
    assert (refused.value.failure, refused.value.status) == (Failure.CLIENT, 400)


CANNOT: list[tuple[dict[str, Any], str, str]] = [
    ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
     "messages[0].content", "'input_audio'"),
    ({"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]},
     "messages[0].content", "'file'"),
    ({"messages": [{"role": "function", "content": "x"}]}, "messages[0].role", "must be one of"),
    ({"messages": [{**CALLED, "tool_calls": [{"type": "custom"}]}]},
     "messages[0].tool_calls", "calls of functions"),
    ({"n": 17}, "n", "at most 16"),
    ({"stop": ["x"] * 17}, "stop", "at most 16"),
    ({"stop": "x" * 501}, "stop", "at most 500 characters"),
    ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"not": {}}}}},
     "response_format.json_schema.schema", "cannot be followed"),
    ({"grammar": "root ::= " + "(" * 1001}, "grammar", "at most 1000 brackets"),
    ({"grammar": "root ::= \"x\"", "response_format": SCHEMA}, "grammar", "cannot stand beside"),
    ({"tools": [{"type": "retrieval"}]}, "tools", "must be functions with a name"),
    ({"tools": [TOOL], "tool_choice": {"type": "allowed_tools"}}, "tool_choice", "must be none"),
    ({"tools": [TOOL], "response_format": SCHEMA}, "response_format", "cannot stand beside tools"),
    ({"tools": [TOOL], "grammar": "root ::= \"x\""}, "grammar", "cannot stand beside tools"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "field", "why"), CANNOT)
def test_what_only_local_models_cannot_do_is_left_to_another_backend(
    fields: dict[str, Any], field: str, why: str
) -> None:
    with pytest.raises(EngineError, match=re.escape(why)) as refused:
        read(**fields)
    assert refused.value.failure is Failure.UNSUPPORTED
    assert (refused.value.status, refused.value.param) == (400, field)


def test_what_is_not_said_is_openais_default_and_null_is_not_said() -> None:
    plain = read()
    assert plain == read(temperature=None, stop=None, tools=None, response_format=None, n=None)
    assert (plain.n, plain.max_tokens, plain.logprobs) == (1, None, None)
    assert (plain.sampling.temperature, plain.sampling.top_p) == (1.0, 1.0)
    assert read(user="u", store=True, service_tier="auto", metadata={}) == plain


def test_the_newer_limit_wins_and_zero_alternatives_are_logprobs() -> None:
    assert read(max_tokens=5, max_completion_tokens=7).max_tokens == 7
    assert read(logprobs=True).logprobs == 0
    assert read(top_k=-1).sampling.top_k == 0
    assert read(logit_bias={"7": -1}).sampling.logit_bias == {7: -1.0}


def test_only_what_templates_know_is_kept_of_a_message() -> None:
    (message,) = read(messages=[
        {"role": "user", "name": "Ann", "evil": 1,
         "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    ]).messages  # fmt: skip
    assert message == {"role": "user", "name": "Ann", "content": "a\nb"}


def test_a_choice_of_tools() -> None:
    assert read(tools=[TOOL]).tools.choice == "auto"
    assert read(tools=[TOOL], tool_choice="none").tools == asking.Tools()
    required = read(tools=[TOOL], tool_choice="required").tools
    named = read(tools=[TOOL], tool_choice={"function": {"name": "height"}}).tools
    assert [one["name"] for one in required.forced] == ["height"]
    assert [one["name"] for one in named.forced] == ["height"]
    assert read(tools=[TOOL]).tools.forced == ()


def test_a_form_that_is_none_of_ours() -> None:
    with pytest.raises(EngineError, match="makes no embeddings"):
        asking.read({"input": "x"}, "embeddings")


@pytest.mark.parametrize(("given", "wrong"), [
    ({}, 0), ({"context": 4096, "slots": 2, "mmap": False}, 0), ({"grammars": True}, 0),
    ({"slots": 0}, 1), ({"mmap": 1}, 1), ({"threads": "2"}, 1), ({"chunk": True, "speed": 1}, 2),
    ({"slots": []}, 1),
])  # fmt: skip
def test_options_of_a_local_backend(given: dict[str, Any], wrong: int) -> None:
    assert len(options.check_options(given)) == wrong
    if not wrong:
        assert options.settings(given).slots == given.get("slots", 0)
