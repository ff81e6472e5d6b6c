"""Counts by a model's own vocabulary, as its maker publishes them."""

from __future__ import annotations

from typing import Any

import pytest

from inference import counting, tokens


def exactly(body: dict[str, Any], model: str) -> int | None:
    return counting.exactly(body, counting.vocabulary(model))


MODELS = {
    "openai/gpt-4o-mini": "o200k",
    "azure/gpt-4o": "o200k",
    "gpt-5-mini": "o200k",
    "o3-mini": "o200k",
    "ft:gpt-4o-2024-08-06:acme": "o200k",
    "openai/gpt-4-turbo": "cl100k",
    "gpt-3.5-turbo": "cl100k",
    "text-embedding-3-small": "cl100k",
    "anthropic/claude-sonnet-4-5": "",
    "mock": "",
}


@pytest.fixture(scope="module", autouse=True)
def _read() -> None:
    for name in tokens.VOCABULARIES:
        thread = tokens.wake(name)
        if thread is not None:
            thread.join(30)


@pytest.mark.parametrize(("model", "family"), MODELS.items())
def test_a_model_tells_its_family(model: str, family: str) -> None:
    assert tokens.family(model) == family


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("cl100k", "tiktoken is great!", 6),
        ("cl100k", "antidisestablishmentarianism", 6),
        ("cl100k", "2 + 2 = 4", 7),
        ("cl100k", "お誕生日おめでとう", 9),
        ("o200k", "2 + 2 = 4", 7),
        ("o200k", "お誕生日おめでとう", 8),
        ("o200k", "", 0),
        ("o200k", "<|endoftext|>", 7),
    ],
)
def test_texts_count_as_published(name: str, text: str, count: int) -> None:
    assert tokens.count(name, [text]) == count


def test_what_is_not_known_is_not_guessed() -> None:
    assert tokens.count("", ["word"]) is None
    assert tokens.count("o200k", ["x" * (tokens.LONGEST + 1)]) is None
    assert exactly({"messages": [{"role": "user", "content": "hi"}]}, "mock") is None


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ({"messages": [{"role": "user", "content": "tiktoken is great!"}]}, 6 + 4 + 3),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "2 + 2 = 4"}]}]}, 14),
        ({"input": ["2 + 2 = 4", "2 + 2 = 4"]}, 14),
        ({"input": [[1, 2], [3]]}, 3),
        ({"messages": "nonsense"}, 0),
        ({"messages": [None, {"role": "user", "content": None}]}, 4 + 4 + 3),
    ],
)
def test_a_whole_request_is_counted(body: dict[str, Any], count: int) -> None:
    assert exactly(body, "gpt-4") == count


def test_tools_and_forms_and_pictures_count_as_well() -> None:
    plain: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}]}
    least = exactly(plain, "gpt-4o") or 0
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    assert (exactly(plain | {"tools": [tool]}, "gpt-4o") or 0) > least + 10
    assert (exactly(plain | {"response_format": tool}, "gpt-4o") or 0) > least + 10
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    seen = {"messages": [{"role": "user", "content": [picture]}]}
    assert exactly(seen, "gpt-4o") == 4 + 3 + 85 + 8 * 170
    assert exactly(seen, "gpt-4o-mini") == 4 + 3 + 2833 + 8 * 5667
