"""A crowd of the same counts once, and leaves seats for others."""

from __future__ import annotations

from caching.values import Neighbour
from caching.vectors import crowding


def neighbour(
    entry_id: int, question: str, answer: bytes = b"", *, pinned: bool = False
) -> Neighbour:
    return Neighbour(
        entry_id=entry_id,
        similarity=1 - entry_id / 1000,
        question=question,
        answer_class=answer,
        rights=0,
        wrongs=0,
        age_s=1,
        pinned=pinned,
    )


def kept(*neighbours: Neighbour, at_most: int = 8) -> list[int]:
    return [each.entry_id for each in crowding.thinned(neighbours, at_most=at_most)]


def test_the_same_answer_to_nearly_the_same_question_counts_once() -> None:
    flood = [neighbour(n, f"please tell me how to reset my password {n}", b"x") for n in range(30)]
    assert kept(*flood, neighbour(40, "how do I reset it", b"x")) == [0, 40]


def test_other_answers_to_nearly_one_question_leave_half_of_the_seats() -> None:
    answers = [neighbour(n, "how do I reset my password", bytes([n + 1])) for n in range(30)]
    assert kept(*answers, neighbour(40, "opening hours", b"y")) == [0, 1, 2, 3, 40]


def test_answers_that_nobody_read_are_not_taken_for_the_same() -> None:
    assert kept(neighbour(1, "same words"), neighbour(2, "same words")) == [1, 2]


def test_what_a_person_pinned_is_never_left_out() -> None:
    flood = [neighbour(n, "what is it", b"x") for n in range(5)]
    assert kept(*flood, neighbour(9, "what is it", b"x", pinned=True)) == [0, 9]


def test_the_nearest_get_the_seats_there_are() -> None:
    others = [neighbour(n, f"what is {'abcdefgh'[n]}", b"x") for n in range(8)]
    assert kept(*others, at_most=3) == [0, 1, 2]
