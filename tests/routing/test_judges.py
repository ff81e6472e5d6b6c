"""What a judge is asked, and what counts as its word."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from caching.judge import evidence
from caching.judge.evidence import Open
from routing import judges


def answer(text: str) -> bytes:
    return orjson.dumps({"choices": [{"message": {"content": text}}]})


def pair(number: int) -> Open:
    return Open(
        evidence_id=number,
        team_id=1,
        question="How?",
        stored=answer("the stored one"),
        fresh=answer("the fresh one"),
    )


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("SAME", "same"),
        ("different.", "different"),
        ("SAME or DIFFERENT", "silent"),
        ("I cannot say", "silent"),
        ("", "silent"),
    ],
)
def test_a_judge_says_one_of_two_words(text: str, word: str) -> None:
    body: dict[str, Any] = orjson.loads(answer(text))
    assert judges.read(body) == word
    assert word in evidence.SAID


def test_neither_answer_is_always_the_first() -> None:
    asked = [
        judges.prompt("judge", pair(number)).body["messages"][1]["content"] for number in (1, 2)
    ]
    assert [text.index("the stored") < text.index("the fresh") for text in asked] == [False, True]
    assert all("How?" in text for text in asked)
