"""Shares of wrong answers are told with what is not known about them, or not at all."""

from __future__ import annotations

from datetime import date

import pytest

from caching.faces import precision
from caching.faces.precision import Look

DAY = date(2026, 5, 20)


def looks(right: int, wrong: int, weight: float = 50.0) -> list[Look]:
    return [
        Look(day=DAY, right=said, weight=weight * n, squares=weight * weight * n)
        for said, n in ((True, right), (False, wrong))
        if n
    ]


def test_equal_weights_are_a_plain_share() -> None:
    found = precision.of(looks(297, 3))
    assert found.looked_at == pytest.approx(300)
    assert found.wrong == pytest.approx(0.01)
    assert found.low == pytest.approx(0.0034, abs=0.0002)
    assert found.high == pytest.approx(0.0290, abs=0.0003)


def test_unequal_weights_are_worth_less_than_they_are_many() -> None:
    found = precision.of([*looks(100, 0, weight=1), *looks(10, 0, weight=100)])
    assert found.looked_at < 30


def test_none_wrong_is_not_none_possible() -> None:
    assert precision.of(looks(100, 0)).high > 0.03


@pytest.mark.parametrize(
    ("right", "wrong", "served", "said"),
    [
        (0, 0, 0, "No answer was served by meaning"),
        (5, 1, 40, "not enough evidence yet"),
        (297, 3, 1204, "Of 1,204 answers served by meaning in 7 days about 1.0"),
    ],
)
def test_the_sentence_says_no_more_than_is_known(
    right: int, wrong: int, served: int, said: str
) -> None:
    assert said in precision.sentence(precision.of(looks(right, wrong)), served, 7)


def test_days_without_looks_know_nothing() -> None:
    days = precision.by_day(looks(30, 0), date(2026, 5, 19), 3)
    assert [day.estimate.is_enough for day in days] == [False, True, False]
