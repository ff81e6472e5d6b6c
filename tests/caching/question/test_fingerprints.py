"""What makes two requests the same question, and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caching.question.fingerprints import fingerprint

HELLO = {"role": "user", "content": "hello"}
BODY: dict[str, Any] = {"model": "auto", "messages": [HELLO]}
PLAIN = fingerprint(BODY)


@pytest.mark.parametrize(
    "more",
    [
        {"stream": True},
        {"stream": False, "stream_options": {"include_usage": True}},
        {"user": "ada"},
        {"metadata": {"a": "b"}},
        {"store": True},
        {"service_tier": "flex"},
        {"temperature": 1, "top_p": 1.0, "n": 1, "presence_penalty": 0, "logprobs": False},
        {"max_tokens": None, "tools": None, "stop": None},
        {"messages": [{"content": "hello", "role": "user"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]},
    ],
)
def test_does_not_matter(more: dict[str, Any]) -> None:
    assert fingerprint({**BODY, **more}) == PLAIN


@pytest.mark.parametrize(
    "more",
    [
        {"model": "auto:best"},
        {"temperature": 0},
        {"top_p": 0.5},
        {"n": 2},
        {"seed": 0},
        {"max_tokens": 10},
        {"stop": "x"},
        {"logprobs": True},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"tool_choice": "none"},
        {"response_format": {"type": "json_object"}},
        {"parallel_tool_calls": False},
        {"vendor_field": 1},
        {"messages": [{"role": "user", "content": "hello "}]},
        {"messages": [{"role": "user", "content": "Hello"}]},
        {"messages": [{"role": "system", "content": "hello"}]},
        {"messages": [HELLO, HELLO]},
        {"messages": [{**HELLO, "name": "ada"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}] * 2}]},
        {"messages": [{"role": "system", "content": "be brief"}, HELLO]},
    ],
)
def test_matters(more: dict[str, Any]) -> None:
    assert fingerprint({**BODY, **more}) != PLAIN


def test_constraints_that_choose_who_answers_matter() -> None:
    assert fingerprint(BODY, locality="local") != PLAIN
    assert fingerprint(BODY, min_quality=0.9) != PLAIN
    assert fingerprint(BODY, min_quality=0.9) != fingerprint(BODY, min_quality=0.8)


def test_both_names_of_the_output_limit_are_one() -> None:
    assert fingerprint({**BODY, "max_tokens": 9}) == fingerprint(
        {**BODY, "max_completion_tokens": 9}
    )


@given(
    one=st.lists(st.text(max_size=3), min_size=1, max_size=3),
    other=st.lists(st.text(max_size=3), min_size=1, max_size=3),
)
def test_texts_cannot_be_moved_between_messages(one: list[str], other: list[str]) -> None:
    def asked(texts: list[str]) -> str:
        return fingerprint({**BODY, "messages": [{**HELLO, "content": text} for text in texts]})

    assert (asked(one) == asked(other)) is (one == other)
