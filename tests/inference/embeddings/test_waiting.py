"""Who is taken when, without any model."""

from __future__ import annotations

from collections import deque

import pytest

from inference.embeddings import waiting
from inference.embeddings.waiting import Asked, Waiting


def asked(*texts: str) -> Asked:
    found = Asked(texts=list(texts), keys=[b""] * len(texts), missing=deque(range(len(texts))))
    found.unfinished = len(texts)
    return found


def queue(*callers: Asked, most_texts: int = 8, most_tokens: int = 1000) -> Waiting:
    made = Waiting(most_tokens=most_tokens, most_texts=most_texts, longest=256)
    for each in callers:
        made.put(each)
    return made


def words(made: Waiting) -> list[str]:
    return [text.words for text in made.take()]


def test_callers_take_turns() -> None:
    made = queue(asked("a1", "a2", "a3"), asked("b1"), asked("c1", "c2"))
    assert words(made) == ["a1", "b1", "c1", "a2", "c2", "a3"]


def test_no_more_is_taken_than_a_batch_holds() -> None:
    made = queue(asked(*"abcdef"), most_texts=4)
    assert words(made) == ["a", "b", "c", "d"]
    assert words(made) == ["e", "f"]
    long = queue(asked("x" * 400, "y" * 400, "z"), most_tokens=150)
    assert [len(text) for text in words(long)] == [400]


def test_a_text_longer_than_a_batch_goes_alone() -> None:
    assert len(words(queue(asked("x" * 100_000, "y"), most_tokens=10))) == 1


def test_those_who_left_are_passed_over() -> None:
    gone, here = asked("a1", "a2"), asked("b1")
    made = queue(gone, here)
    gone.future.cancel()
    assert words(made) == ["b1"]
    assert made.tokens == 0


def test_nothing_comes_from_a_closed_queue() -> None:
    left = asked("a")
    made = queue(left)
    assert made.close() == [left]
    assert made.take() == []


@pytest.mark.parametrize(
    ("sizes", "most", "expected"),
    [
        ([], 10, []),
        ([4, 4, 4], 10, [range(2), range(2, 3)]),
        ([10, 1], 10, [range(1), range(1, 2)]),
        ([3, 3, 3], 9, [range(3)]),
    ],
)
def test_batches(sizes: list[int], most: int, expected: list[range]) -> None:
    assert waiting.batches(sizes, most) == expected
