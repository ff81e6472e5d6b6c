from __future__ import annotations

import time
from typing import Any

import pytest

from inference import counting


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("four", 1), ("fiver", 2), ("日本語", 3), ("🌍", 1)]
)
def test_a_token_is_four_bytes(text: str, tokens: int) -> None:
    assert counting.count(text) == tokens


PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({}, 1),
        ({"messages": [{"role": "user", "content": "eight by"}]}, 6),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "eight by"}]}]}, 6),
        ({"messages": [{"role": "user", "content": [PICTURE]}]}, 4 + 85 + 8 * 170),
        ({"messages": [{"role": "user"}, "nonsense", None]}, 12),
        ({"messages": "nonsense"}, 1),
        ({"prompt": "eight by"}, 2),
        ({"prompt": ["eight by", "eight by"]}, 4),
        ({"input": [1, 2, 3]}, 3),
        ({"input": [[1, 2, 3], [4]]}, 4),
        ({"tools": [{"type": "function"}]}, 5),
    ],
)
def test_prompts_are_estimated(body: dict[str, Any], tokens: int) -> None:
    assert counting.estimate_tokens(body) == tokens


def test_answers_are_estimated_with_their_tool_calls() -> None:
    called = {"function": {"name": "look", "arguments": '{"a": 1}'}}
    message = {"content": None, "reasoning_content": "hm, so", "tool_calls": [called]}
    assert counting.estimate_completion({"choices": [{"message": message}]}) == 2 + 1 + 2
    assert counting.estimate_completion({"choices": ["nonsense"]}) == 0


def test_an_ordinary_prompt_takes_microseconds() -> None:
    body = {"messages": [{"role": "user", "content": "word " * 400}] * 4}
    began = time.perf_counter()
    for _ in range(1000):
        counting.estimate_tokens(body)
    assert time.perf_counter() - began < 0.1  # measured: 2 µs each; a loaded machine may be slow
