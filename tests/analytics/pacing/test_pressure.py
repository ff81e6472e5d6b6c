"""Soft limits: which is reached, whose counts, and which make no sense."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from analytics.pacing import pressure
from analytics.values import BudgetTerms

LADDER = (
    {"percent": 50, "action": "alert"},
    {"percent": 80, "action": "prefer-local"},
    {"percent": 90, "action": "cheaper"},
    {"percent": 95, "action": "cache-only"},
    {"percent": 100, "action": "block"},
)


def terms(
    name: str = "red", soft: tuple[dict[str, Any], ...] = LADDER, **facts: Any
) -> BudgetTerms:
    plain = BudgetTerms(
        budget_id=1, name=name, organisation_id=1, scope="team", scope_id="1",
        limit_usd=Decimal(10), window="month", time_zone="UTC", fiscal_start=1, mode="enforce",
        soft_limits=soft,
    )  # fmt: skip
    return replace(plain, **facts)


@pytest.mark.parametrize(
    ("used", "action", "percent"),
    [
        ("0", "", 0), ("4.999999999999", "", 0), ("5", "alert", 50), ("7.99", "alert", 50),
        ("8", "prefer-local", 80), ("9.4", "cheaper", 90), ("9.5", "cache-only", 95),
        ("10", "block", 100), ("12", "block", 100),
    ],
)  # fmt: skip
def test_the_strictest_that_is_reached_counts(used: str, action: str, percent: float) -> None:
    found = pressure.strictest([(terms(), Decimal(used))])
    assert (found.action, found.percent) == (action, percent)


def test_of_several_budgets_the_strictest_counts_not_the_fullest() -> None:
    watched = terms("all", ({"percent": 10, "action": "alert"},))
    tight = terms("mine", ({"percent": 20, "action": "queue"},))
    found = pressure.strictest([(watched, Decimal(9)), (tight, Decimal(3))])
    assert found.as_json() == {"budget": "mine", "percent": 20.0, "used": 30.0, "action": "queue"}
    assert found.asks("queue", "block")


def test_a_budget_that_only_watches_asks_for_nothing_and_never_hides_one_that_does() -> None:
    shadow = terms("shadow", mode="shadow")
    alone = pressure.strictest([(shadow, Decimal(10))])
    assert (alone.action, alone.shadow, alone.asks("block")) == ("block", True, False)
    both = pressure.strictest([(shadow, Decimal(10)), (terms("red"), Decimal(8))])
    assert (both.action, both.shadow) == ("prefer-local", False)


def test_of_a_suspended_budget_every_soft_limit_is_reached() -> None:
    found = pressure.strictest([(terms(limit_usd=Decimal(0)), Decimal(0))])
    assert found.action == "block"
    assert found.used_percent == 100


def test_what_an_older_kora_let_through_is_passed_over() -> None:
    odd = terms(soft=({"percent": 1, "action": "page-the-cfo"}, *LADDER))
    assert pressure.strictest([(odd, Decimal(5))]).action == "alert"


def test_they_are_kept_in_their_order() -> None:
    given = [LADDER[3], LADDER[0], {"percent": 90, "action": "alert"}, LADDER[2]]
    assert [each["percent"] for each in pressure.ordered(given)] == [50, 90, 90, 95]
    assert pressure.ordered([]) == []


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([{"percent": 80, "action": "panic"}], "panic is none of alert, prefer-local"),
        (
            [{"percent": 80, "action": "block"}, {"percent": 90, "action": "cheaper"}],
            "cheaper at 90 % would change nothing",
        ),
        (
            [{"percent": 80, "action": "queue"}, {"percent": 90, "action": "queue"}],
            "queue at 90 % would change nothing",
        ),
        ([{"percent": 80, "action": "alert"}] * 2, "said twice"),
    ],
)
def test_what_makes_no_sense_is_said(given: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        pressure.ordered(given)


def test_every_action_has_words() -> None:
    assert tuple(pressure.WORDS) == pressure.ACTIONS
