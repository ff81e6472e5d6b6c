"""Which requests look at the answers that stand for a whole team, and which never do."""

from __future__ import annotations

from typing import Any

import pytest

from caching.question import standing
from caching.values import Asked, Question

ASK = {"role": "user", "content": "How do I return a parcel?"}
SYSTEM = {"role": "system", "content": "You are the shop's\n  assistant."}


def seen(*messages: dict[str, Any], form: str = "chat", **fields: Any) -> tuple[str, ...]:
    body = {"model": "auto", "messages": list(messages), **fields}
    return standing.seen_from(body, form=form)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"temperature": 0, "top_p": 0.3, "seed": 7, "max_tokens": 400},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"n": 1, "tools": [], "response_format": {"type": "text"}, "stop": None},
        {"user": "ada", "metadata": {"a": "b"}},
    ],
)
def test_whatever_app_asks_plainly_looks_at_what_stands_for_any_model(
    fields: dict[str, Any],
) -> None:
    assert standing.surroundings() in seen(ASK, **fields)
    assert standing.surroundings("auto") in seen(ASK, **fields)
    assert standing.surroundings() in seen(SYSTEM, ASK, **fields)
    assert standing.surroundings(system="") in seen(ASK, **fields)
    assert standing.surroundings(system="") not in seen(SYSTEM, ASK, **fields)


@pytest.mark.parametrize(
    "prompt",
    [
        "Translate the user's sentence into French.",
        "You are a translator.",
        "Summarise what the user says in one line.",
        "Classify the sentiment of the message as good or bad.",
        "Correct the grammar of the input.",
        "Übersetze den Text des Nutzers.",
        "把用户的话翻译成英文。",
    ],
)
def test_who_works_on_texts_is_answered_only_from_what_names_his_prompt(prompt: str) -> None:
    found = seen({"role": "system", "content": prompt}, ASK)
    assert standing.surroundings() not in found
    assert standing.surroundings(system=prompt) in found


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 2},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"response_format": {"type": "json_object"}},
        {"stop": ["\n"]},
        {"logprobs": True},
        {"max_tokens": 1},
        {"logit_bias": {"50256": -100}},
        {"a_field_of_next_year": {"x": 1}},
    ],
)
def test_what_asks_for_more_than_words_does_not(fields: dict[str, Any]) -> None:
    assert seen(ASK, **fields) == ()


def test_neither_earlier_turns_nor_images_nor_texts_to_go_on_from() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:,"}}
    assert seen(ASK, {"role": "assistant", "content": "Which one?"}, ASK) == ()
    assert seen(ASK, ASK) == ()
    assert seen(SYSTEM) == ()
    assert seen() == ()
    assert seen({"role": "user", "content": [image]}) == ()
    assert seen(ASK, form="text") == ()


def test_a_restriction_to_a_model_or_a_system_prompt_holds() -> None:
    prompt = standing.surroundings(system="You are the shop's assistant.")
    assert prompt in seen(SYSTEM, ASK)
    assert prompt not in seen(ASK)
    assert prompt not in seen({**SYSTEM, "content": "You are somebody else."}, ASK)
    assert standing.surroundings("auto:best") not in seen(ASK)


def test_the_most_particular_answer_is_looked_at_first() -> None:
    particular = standing.surroundings("auto", "You are the shop's assistant.")
    assert seen(SYSTEM, ASK)[0] == particular
    assert seen(SYSTEM, ASK)[-1] == standing.surroundings()


def test_the_same_words_elsewhere_are_another_entry() -> None:
    question = Question(text="q", surroundings="s", plain=("a", "b"))
    one, other = standing.fingerprints(question)
    assert one == standing.fingerprint("a", "q") != other


def test_end_users_share_what_stands_and_nothing_else() -> None:
    question = Question(text="q", surroundings="s", plain=("faq",))
    asked = Asked(team_id=7, fingerprint="f", scopes=("u:7:ada",), question=question)
    assert standing.places(asked) == (("u:7:ada", "s"), ("u:7:ada", "faq"), ("t:7", "faq"))
    assert standing.places(Asked(team_id=7, fingerprint="f")) == ()
