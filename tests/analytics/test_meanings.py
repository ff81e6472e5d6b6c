"""The page of a receipt says in words why a stored question was served or not."""

from __future__ import annotations

from typing import Any

import pytest

from analytics import meanings


def receipt(reason: str, *, served: bool = False) -> dict[str, Any]:
    neighbours = [{"entry": 7, "similarity": 0.9, "question": "How?"}, {"entry": 8}]
    verdict = {"served": served, "reason": reason, "p": 0.99, "lower": 0.97}
    told = {"reason": "cache:semantic" if served else reason, "epsilon": 0.02}
    return {"meaning": {**told, "verdict": verdict, "neighbours": neighbours}}


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        (receipt("bound", served=True), "Served: of answers as sure"),
        (receipt("static", served=True), "static threshold"),
        (receipt("guard:numbers"), "the numbers differ"),
        (receipt("guard:something-new"), "something new"),
        (receipt("below-bound"), "too many could be wrong"),
        (receipt("a-new-word"), "A new word"),
    ],
)
def test_the_reason_is_a_sentence(kept: dict[str, Any], words: str) -> None:
    told = meanings.told(kept)
    assert told is not None
    assert words in told.why
    assert (told.p, told.lower, told.needed) == (0.99, 0.97, 0.98)


def test_another_team_s_words_are_not_there() -> None:
    told = meanings.told(receipt("below-bound"))
    assert told is not None
    assert [near.question for near in told.neighbours] == ["How?", ""]


def test_a_receipt_without_neighbours_has_no_such_part() -> None:
    assert meanings.told({}) is None
    assert meanings.told({"meaning": "odd"}) is None
