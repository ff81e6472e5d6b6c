"""Which requests for embeddings are read, and as how many texts."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from routing import inputs
from routing.errors import InvalidRequest
from routing.policy import wanting
from routing.questions import Prompt
from routing.signals import reading


def parse(given: Any, headers: dict[str, str] | None = None, **fields: Any) -> Prompt:
    return inputs.parse(orjson.dumps({"model": "auto", "input": given, **fields}), headers or {})


@pytest.mark.parametrize(
    ("given", "number", "texts"),
    [
        ("one", 1, ["one"]),
        ([" "], 1, [" "]),
        (["one", "two"], 2, ["one", "two"]),
        ([1, 2, 3], 1, None),
        ([[1, 2], [3]], 2, None),
    ],
)
def test_every_shape_that_openai_has(given: Any, number: int, texts: list[str] | None) -> None:
    prompt = parse(given)
    assert (prompt.form, prompt.inputs, prompt.stream) == ("embeddings", number, False)
    assert inputs.texts(prompt.body) == texts
    assert reading.read(prompt).prompt_tokens > 0


def test_what_is_not_known_goes_along_and_our_own_does_not() -> None:
    prompt = parse("x", {"x-kora-tags": "a=b"}, kora={"session": "s"}, input_type="query")
    assert prompt.body["input_type"] == "query"
    assert "kora" not in prompt.body
    assert (prompt.constraints.session, prompt.constraints.tags) == ("s", {"a": "b"})


def test_a_tag_is_the_same_in_header_and_body() -> None:
    """A budget on it caps both."""
    by_header = parse("x", {"x-kora-tags": " a = b ,c=d"})
    by_body = parse("x", kora={"tags": {" a ": "b ", "c": "d"}})
    assert by_header.constraints.tags == by_body.constraints.tags == {"a": "b", "c": "d"}


@pytest.mark.parametrize(
    "given", ["", [], [""], ["x", 1], [1, "x"], [True], [-1], [[]], 7, {}, None]
)
def test_nothing_else_is_an_input(given: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse(given)
    assert (refused.value.param or "").startswith("input")


def test_a_list_has_a_bound() -> None:
    assert parse(["x"] * inputs.MOST_INPUTS).inputs == inputs.MOST_INPUTS
    assert parse([7] * 5_000).inputs == 1, "one text of many tokens"
    with pytest.raises(InvalidRequest):
        parse(["x"] * (inputs.MOST_INPUTS + 1))


def test_what_it_needs_is_an_embedder() -> None:
    prompt = parse("x")
    asked = wanting.wants(prompt, reading.read(prompt))
    assert (asked.needs, asked.inputs, asked.output_tokens) == (frozenset({"embeddings"}), 1, 0)
