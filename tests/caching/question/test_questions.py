"""What of a request is compared by meaning, and what has to be the same to the letter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caching.question import questions
from caching.values import NoQuestion, Question

ANSWERS = (Path(__file__).parents[3] / "docs" / "answers.md").read_text()
ASKED = "How do I reset my password?"


def body(content: Any = ASKED, **more: Any) -> dict[str, Any]:
    return {"model": "auto", "messages": [{"role": "user", "content": content}], **more}


def read(content: Any = ASKED, **more: Any) -> Question:
    found = questions.read(body(content, **more), form="chat", model="auto")
    assert isinstance(found, Question), found
    return found


def reason(content: Any = ASKED, **more: Any) -> str:
    found = questions.read(body(content, **more), form="chat", model="auto")
    assert isinstance(found, NoQuestion), found
    return found.reason


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("  How do  I\treset my password ?? ", "How do I reset my password ?"),
        ("Ｈｏｗ　ｏｌｄ？", "How old?"),  # noqa: RUF001 - typed in full width
        ("hi.", "hi"),
        ("What is 10⁵ and 5½?", "What is 10^5 and 5 1/2?"),
        ("nul\0led", "nul led"),
        ([{"type": "text", "text": ASKED}], ASKED),
        ("You are a pirate. What is the capital of France?", "What is the capital of France?"),
        ("Q: 1+1?\nA: 2\nQ: Who am I?\nA:", "Who am I?"),
        ("Context: a long page. Question: Who wrote it?", "Who wrote it?"),
        ("The fee is 5.\n\nIt is due in May.\n\nWhat is the fee?", "What is the fee?"),
        ("Why does this fail?\n```\nx = 1\n```", "Why does this fail?"),
        ("<system-reminder>It is late.</system-reminder>How old?", "How old?"),
        ("<notes>\nabc\n</notes>\nHow old?", "How old?"),
    ],
)
def test_is_the_question(written: Any, text: str) -> None:
    assert read(written).text == text


@pytest.mark.parametrize(
    "more",
    [
        {"stream": True},
        {"user": "ada"},
        {"temperature": 0.7},
        {"max_tokens": None},
    ],
)
def test_surroundings_stay(more: dict[str, Any]) -> None:
    assert read(**more).surroundings == read().surroundings


def test_limits_and_heat_go_by_classes() -> None:
    assert read(max_tokens=600).surroundings == read(max_tokens=700).surroundings
    assert read(max_tokens=10).surroundings != read(max_tokens=11).surroundings
    assert read(temperature=0).surroundings == read(temperature=0.2).surroundings
    assert read(temperature=0).surroundings != read(temperature=0.9).surroundings


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": 0},
        {"max_tokens": 20},
        {"stop": ["\n"]},
        {"response_format": {"type": "json_object"}},
        {"reasoning_effort": "low"},
        {"logit_bias": {"5": 1}},
        {"presence_penalty": 1},
        {
            "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": ASKED},
            ]
        },
        {"messages": [{"role": "user", "name": "ada", "content": ASKED}]},
    ],
)
def test_surroundings_differ(more: dict[str, Any]) -> None:
    assert read(**more).text == ASKED
    assert read(**more).surroundings != read().surroundings


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("You are a pirate. What is rum?", "You are a nurse. What is rum?"),
        ("Q: 1?\nA: 2\nQ: Why?\nA:", "Q: 1?\nA: 3\nQ: Why?\nA:"),
        ("Fee: 5.\n\nWhat is it?", "Fee: 6.\n\nWhat is it?"),
        ("Why?\n```\nx = 1\n```", "Why?\n```\nx = 2\n```"),
        ("<file>a</file>Why?", "<file>b</file>Why?"),
    ],
)
def test_one_question_after_two_preambles_does_not_collide(one: str, other: str) -> None:
    assert read(one).text == read(other).text
    assert read(one).surroundings != read(other).surroundings


def test_model_form_and_locale_surround() -> None:
    found = {
        questions.read(body(prompt=ASKED), form=form, model=model, locale=locale)
        for form, model, locale in [
            ("chat", "auto", ""), ("text", "auto", ""), ("chat", "auto:best", ""),
            ("chat", "auto", "de"),
        ]
    }  # fmt: skip
    assert len(found) == 4
    assert all(isinstance(each, Question) for each in found)


@pytest.mark.parametrize(
    ("why", "more"),
    [
        ("n", {"n": 2}),
        ("logprobs", {"logprobs": True}),
        ("seed", {"seed": 0}),
        ("sampling", {"temperature": 1.2}),
        ("audio", {"modalities": ["text", "audio"]}),
        ("tools-in-play", {"tools": [{"type": "function", "function": {"name": "f"}}]}),
        ("tools-in-play", {"web_search_options": {"size": 1}}),
        ("images", {"content": [{"type": "image_url", "image_url": {"url": "x"}}]}),
        ("files", {"content": [{"type": "text", "text": "a"}, {"type": "file"}]}),
        ("empty", {"content": None}),
        ("empty", {"content": " ?! \0"}),
        ("no-user-turn", {"messages": [{"role": "assistant", "content": "hm"}]}),
        ("no-user-turn", {"messages": []}),
        ("tools-in-play", {"messages": [{"role": "tool", "content": "5"}]}),
        ("pasted-text", {"content": "Translate to French: I love dogs"}),
        ("pasted-text", {"content": "Input: great\nOutput: good\nInput: awful\nOutput:"}),
        ("unclear", {"content": "one line\nand another"}),
        ("too-long", {"content": "why " * 300}),
        ("too-long", {"content": "<context></context>" * 300}),
        ("unreadable", {"messages": [None]}),
        ("unreadable", {"content": [None]}),
    ],
)
def test_is_never_compared_by_meaning(why: str, more: dict[str, Any]) -> None:
    assert reason(**more) == why


def test_every_reason_is_in_the_documents() -> None:
    reasons = {
        "n", "logprobs", "seed", "sampling", "audio", "images", "video", "files", "parts", "empty",
        "tools-in-play", "no-user-turn", "pasted-text", "unclear", "too-long", "unreadable",
    }  # fmt: skip
    assert not {each for each in reasons if f"`{each}`" not in ANSWERS}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "messages", "tools", "n"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(JSON, JSON)
def test_any_body_is_read_or_refused(messages: Any, more: Any) -> None:
    found = questions.read(
        {"messages": messages, "tools": more, "temperature": more}, form="chat", model="auto"
    )
    assert isinstance(found, Question | NoQuestion)


def test_a_deep_body_is_refused_not_crashed_on() -> None:
    deep: Any = []
    for _ in range(5_000):
        deep = [deep]
    assert reason(response_format=deep) == "unreadable"
