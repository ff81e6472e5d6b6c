"""Rules over words: what they are sure of, and what they leave to the examples."""

from __future__ import annotations

import pytest

from routing.intents import quick, shipped
from routing.intents.shipped import Example
from tests.routing.intents.conftest import signals


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Hi there!", "greeting"),
        ("Guten Morgen, wie geht es dir?", "greeting"),
        ("thanks a lot", "greeting"),
        ("Hello, how do I cancel my order?", ""),
        ("Good morning is what I said, translate it", ""),
        ("translate to German: the sun", "translation"),
        ("Bitte übersetze das ins Englische", "translation"),
        ("Résume ce texte en trois lignes", "summary"),
        ("Give me a short summary of the text below", "summary"),
        ("Summary statistics of these numbers: 3, 5, 8", ""),
        ("Extract all dates from the letter", "extraction"),
        ("Classify this review", "classification"),
        ("Convert this list to JSON: a, b", "formatting"),
        ("Convert 3 miles to kilometres", ""),
        ("12 * (3 + 4) =", "maths"),
        ("What is 12 * 7?", "maths"),
        ("Why is this wrong?\n```python\nprint(x\n```\nSyntaxError: '(' was never closed",
         "debugging"),
        ("Explain this code\n```c\nint x;\n```", "code-explanation"),
        ("```c\nint x;\n```", ""),
        ("Traceback (most recent call last):\n  File \"a.py\"\nKeyError: 1", "debugging"),
        ("What time is it?", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_tells_only_what_is_sure(text: str, intent: str) -> None:
    assert quick.tell(text, signals()) == intent


def test_who_offers_tools_wants_them_used() -> None:
    assert quick.tell("What is the weather in Oslo?", signals(tools=True)) == "tool-use"


def test_is_right_wherever_it_speaks(held_out: list[Example]) -> None:
    known = [each for each in (*shipped.examples(), *held_out) if each.kind != shipped.OTHER]
    said = [(each, quick.tell(each.text, signals())) for each in known]
    assert sum(bool(word) for _, word in said) >= 0.15 * len(said)
    assert [(each.text, word) for each, word in said if word not in ("", each.kind)] == []
