"""What calls cost, to the last decimal."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics import money, prices
from analytics.values import PriceTag


def tag(
    price_in: str, price_out: str = "0", price_cached_in: str = "0", price_compute_s: str = "0"
) -> PriceTag:
    return PriceTag(
        price_id=1,
        price_in=Decimal(price_in),
        price_out=Decimal(price_out),
        price_cached_in=Decimal(price_cached_in),
        price_compute_s=Decimal(price_compute_s),
    )


@pytest.mark.parametrize(
    ("price", "prompt", "completion", "cached", "cost"),
    [
        (tag("0", "0", "0"), 1000, 1000, 10, "0"),
        (tag("1"), 1, 0, 0, "0.000001"),
        (tag("0.037"), 1, 0, 0, "0.000000037"),
        (tag("0.000001"), 1, 0, 0, "0.000000000001"),
        (tag("2.5", "10", "1.25"), 1000, 500, 0, "0.0075"),
        (tag("2.5", "10", "1.25"), 1000, 500, 400, "0.007"),
        (tag("2.5", "10", "1.25"), 1000, 0, 1000, "0.00125"),
        (tag("2.5", "10", "1.25"), 100, 0, 4000, "0.000125"),
        (tag("15", "75"), 200_000, 8_192, 0, "3.6144"),
        (tag("99999999999999.999999999999"), 10**9, 0, 0, "99999999999999999.999999999"),
    ],
)
def test_cost(price: PriceTag, prompt: int, completion: int, cached: int, cost: str) -> None:
    assert prices.cost_of(
        price, prompt_tokens=prompt, completion_tokens=completion, cached_tokens=cached
    ) == Decimal(cost)


@pytest.mark.parametrize(
    ("price", "compute_s", "cost"),
    [
        (tag("0", "0", "0", "0.00001"), 1.5, "0.000015"),
        (tag("1", "2", "1", "0.00001"), 1.5, "0.000055"),
        (tag("0", "0", "0", "0.00001"), 0.1 + 0.2, "0.000003"),
        (tag("0", "0", "0", "1"), 1e-10, "0"),
        (tag("1", "2", "1"), 99.0, "0.00004"),
    ],
)
def test_time_on_our_own_machines_costs_by_the_second(
    price: PriceTag, compute_s: float, cost: str
) -> None:
    took = prices.seconds(compute_s)
    assert prices.cost_of(price, 20, 10, compute_s=took) == Decimal(cost)
    assert prices.worst_case(price, 20, 10, compute_s=took) == Decimal(cost)


amounts = st.decimals(min_value=0, max_value=10**6, places=12)
counts = st.integers(0, 10**7)


@given(amounts, amounts, amounts, counts, counts, counts)
def test_cost_is_exact_and_never_above_the_worst_case(
    price_in: Decimal, price_out: Decimal, cheap: Decimal, prompt: int, out: int, cached: int
) -> None:
    price = PriceTag(price_id=1, price_in=price_in, price_out=price_out, price_cached_in=cheap)
    cached = min(cached, prompt)
    cost = prices.cost_of(price, prompt_tokens=prompt, completion_tokens=out, cached_tokens=cached)
    true = (
        (prompt - cached) * Fraction(price_in)
        + cached * Fraction(cheap)
        + out * Fraction(price_out)
    ) / 10**6
    assert abs(Fraction(cost) - true) <= Fraction(1, 2 * 10**12)
    assert cost <= prices.worst_case(price, prompt_tokens=prompt, max_output=out)


def test_many_small_amounts_sum_exactly() -> None:
    one = prices.cost_of(tag("0.037"), prompt_tokens=1, completion_tokens=0)
    assert sum([one] * 100_000, Decimal(0)) == Decimal("0.0037")


def test_as_header() -> None:
    assert money.as_header(Decimal("0.000000037")) == "0.000000037"
    assert money.as_header(Decimal(0)) == "0.000000000"
