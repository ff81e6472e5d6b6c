"""Word sets: what they find, what they refuse, and that no pattern makes them slow."""

from __future__ import annotations

from typing import Any

import pytest

from routing.signals import words


@pytest.mark.parametrize(
    ("patterns", "text", "found"),
    [
        (["refund", "money back"], "I want a REFUND", True),
        (["refund"], "hello", False),
        ([r"\bcat\b"], "concatenate", False),
        ([r"\d{4}-\d{4}-\d{4}-\d{4}"], "card 1234-1234-1234-1234", True),
        (["text:a.b"], "a.b", True),
        (["text:a.b"], "axb", False),
        (["täglich"], "TÄGLICH", True),
        (["x"], "\ud800x", True),
        (["(a+)+$"], "a" * 100_000 + "!", False),
        ([r"(.*a){20}"], "b" * 50_000, False),
    ],
)
def test_a_set_finds_any_of_its_patterns(patterns: list[str], text: str, found: bool) -> None:
    assert words.holds(patterns, text) is found


def test_sets_are_read_as_they_were_saved() -> None:
    assert words.read({"money": ["refund", "invoice"]}) == {"money": ("refund", "invoice")}
    assert words.read({}) == {}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([], "an object"),
        ({"money": []}, "money: a list"),
        ({"money": "refund"}, "money: a list"),
        ({"money": ["fine", 7]}, r"money\[1\]: a text"),
        ({"money": ["fine", "x" * 1001]}, r"money\[1\]: a text of 1 to 1000"),
        ({"money": ["fine", "(?<=a)b"]}, r"money\[1\]: not a pattern"),
        ({"money": ["("]}, r"money\[0\]: not a pattern of RE2's: missing \)"),
        ({"money": [r"(a)\1"]}, r"money\[0\]: not a pattern"),
        ({"money": ["(x{1000}){1000}"]}, "money"),
        ({"": ["x"]}, "a name"),
    ],
)
def test_what_cannot_be_looked_for_is_refused_with_its_place(given: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        words.read(given)
