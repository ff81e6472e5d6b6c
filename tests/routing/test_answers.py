"""An answer is the same whether it came whole or in chunks, fresh or replayed."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing import answers

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
PROBABILITY = {"token": "hi", "logprob": -0.1, "bytes": [104, 105], "top_logprobs": []}


def whole(*choices: dict[str, Any]) -> dict[str, Any]:
    numbered = [{"index": index, **choice} for index, choice in enumerate(choices)]
    return {
        "object": "chat.completion", "created": 7, "model": "toy", "choices": numbered,
        "usage": USAGE,
    }  # fmt: skip


def says(text: str | None, finish: str = "stop", **more: Any) -> dict[str, Any]:
    return {
        "message": {"role": "assistant", "content": text, **more},
        "finish_reason": finish,
    }


TEXTS = st.text(max_size=20)
CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.text(min_size=1, max_size=5),
            "type": st.just("function"),
            "function": st.fixed_dictionaries({"name": TEXTS, "arguments": TEXTS}),
        }
    ),
    min_size=1,
    max_size=3,
)
CHOICES = st.one_of(
    st.builds(says, TEXTS),
    st.builds(says, TEXTS, st.just("length"), refusal=TEXTS),
    st.builds(says, st.none(), st.just("tool_calls"), tool_calls=CALLS),
    st.builds(lambda text: {**says(text), "logprobs": {"content": [PROBABILITY]}}, TEXTS),
)


@given(choices=st.lists(CHOICES, min_size=1, max_size=4))
def test_what_is_split_and_put_together_again_is_the_same(choices: list[dict[str, Any]]) -> None:
    answer = whole(*choices)
    assert answers.assemble(answers.split(answer), USAGE) == answer


def test_pieces_of_text_and_of_tool_arguments_are_joined_in_their_own_choice() -> None:
    def piece(index: int, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "finish_reason": finish}
        return {"created": 7, "model": "toy", "choices": [choice]}

    called = {"index": 0, "id": "call_1", "function": {"name": "look", "arguments": '{"a"'}}
    body = answers.assemble(
        [
            piece(0, {"role": "assistant", "content": ""}),
            piece(1, {"role": "assistant", "content": None, "tool_calls": [called]}),
            piece(0, {"content": "Hel"}),
            piece(1, {"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]}),
            piece(0, {"content": "lo", "reasoning_content": "hm"}),
            piece(1, {}, "tool_calls"),
            piece(0, {}, "stop"),
        ],
        USAGE,
    )
    first, second = body["choices"]
    assert first["message"] == {"role": "assistant", "content": "Hello", "reasoning_content": "hm"}
    assert first["finish_reason"] == "stop"
    assert second["message"]["tool_calls"] == [CALL]
    assert second["finish_reason"] == "tool_calls"


def test_a_replayed_answer_carries_the_new_id_and_nothing_of_the_old() -> None:
    stored = answers.strip({"id": "old", **whole(says("hi"))})
    assert b"old" not in stored
    replayed = orjson.loads(answers.with_id(stored, "chatcmpl-new"))
    assert replayed == {"id": "chatcmpl-new", **whole(says("hi"))}
    assert orjson.loads(answers.with_id(b"{}", "x")) == {"id": "x"}


@pytest.mark.parametrize(
    ("choices", "may"),
    [
        ([says("hi")], True),
        ([says("hi"), says("ho")], True),
        ([says("hi", "length")], False),
        ([says("hi"), says("ho", "length")], False),
        ([says("", "content_filter")], False),
        ([says(None, "tool_calls", tool_calls=[CALL])], False),
        ([says(None, "stop", tool_calls=[CALL])], False),
        ([says(None, "stop", function_call={"name": "f"})], False),
        ([], False),
    ],
)
def test_only_complete_answers_without_effects_are_stored(
    choices: list[dict[str, Any]], may: bool
) -> None:
    assert answers.may_be_stored(whole(*choices)) is may
