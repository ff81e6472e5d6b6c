"""One number from parts: what is missing is missing, and the team's weights are read with care."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from routing import marking
from routing.learning import rewards, sampling


@pytest.mark.parametrize(
    ("parts", "reward"),
    [
        ({}, None),
        ({"score": 0.5}, 0.5),
        ({"thumb": 1, "score": 0}, 0.5),
        ({"latency": 1}, None),
        ({"latency": 0, "score": 1}, 1 / 1.2),
        ({"answered": 0}, 0.0),
        ({"somebody": 1}, None),
        ({"score": 7}, 1.0),
    ],
)
def test_parts_become_one_number(parts: dict[str, float], reward: float | None) -> None:
    assert rewards.blend(parts) == (None if reward is None else pytest.approx(reward))


def test_praise_of_a_fallback_is_not_the_chosen_backend_s() -> None:
    assert rewards.blend({"answered": 0, "score": 1}, ok=False) == 0.0
    assert rewards.blend({"score": 1}, ok=False) is None


def test_a_part_that_weighs_nothing_is_not_there() -> None:
    weights = rewards.read({"thumb": 0})
    assert rewards.blend({"thumb": 1}, weights) is None
    assert weights["score"] == 1.0


@pytest.mark.parametrize("said", [[], {"thump": 1}, {"thumb": -1}, {"thumb": True}, {"thumb": "1"}])
def test_odd_weights_are_refused_with_their_place(said: Any) -> None:
    with pytest.raises(ValueError, match=r"^rewards"):
        rewards.read(said)


@pytest.mark.parametrize(
    "said", [[], {"modell": "x"}, {"share": 2}, {"model": 3}, {"usd_a_day": "1"}]
)
def test_odd_judging_is_refused_with_its_place(said: Any) -> None:
    with pytest.raises(ValueError, match=r"^judging"):
        sampling.read(said)


def test_judging_is_read() -> None:
    found = sampling.read({"model": "big", "share": 0.5, "usd_a_day": 2})
    assert (found.model, found.share, found.usd_a_day) == ("big", 0.5, Decimal(2))
    assert not sampling.read({}).model


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("7", 0.7),
        ("10", 1.0),
        ("0", 0.0),
        ("Mark: 8/10", 0.8),
        ("11", None),
        ("100", None),
        ("7.5", None),
        ("I would say that it is a 3", None),
        ("", None),
    ],
)
def test_a_judge_s_mark_is_read_or_it_is_none(text: str, mark: float | None) -> None:
    assert marking.read(text) == mark


@pytest.mark.parametrize(
    ("parts", "expected", "verifier"),
    [
        ({"verifier": 1.0}, 0.15, 0.2013),
        ({"verifier": 1.0}, 0.8, 0.8511),
        ({"verifier": 1.0}, None, 0.5882),
        ({"verifier": 1.0}, 1.2, 1.0),
        ({"verifier": 0.0}, 0.8, 0.0),
        ({"thumb": 1.0}, 0.1, None),
    ],
)
def test_a_check_that_held_is_worth_what_it_makes_likely(
    parts: dict[str, float], expected: float | None, verifier: float | None
) -> None:
    found = rewards.sober(parts, expected).get("verifier")
    assert found == (None if verifier is None else pytest.approx(verifier, abs=1e-4))
