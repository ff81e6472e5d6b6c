"""What a call costs under a price tag; prices are US dollars per million tokens."""

from __future__ import annotations

from decimal import Decimal

from analytics import money
from analytics.money import EXACT
from analytics.values import PriceTag

MILLIONTH = Decimal("0.000001")


def cost_of(
    tag: PriceTag, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0
) -> Decimal:
    """Cached tokens are part of the prompt's and are charged at their own price instead."""
    cached = min(cached_tokens, prompt_tokens)
    return money.rounded(
        _charge(
            (prompt_tokens - cached, tag.price_in),
            (cached, tag.price_cached_in),
            (completion_tokens, tag.price_out),
        )
    )


def worst_case(tag: PriceTag, prompt_tokens: int, max_output: int) -> Decimal:
    """The most that a call of this size can cost, whether the provider's cache helps or not."""
    dearest = max(tag.price_in, tag.price_cached_in)
    return money.rounded_up(_charge((prompt_tokens, dearest), (max_output, tag.price_out)))


def _charge(*parts: tuple[int, Decimal]) -> Decimal:
    total = Decimal(0)
    for tokens, price in parts:
        total = EXACT.add(total, EXACT.multiply(tokens, price))
    return EXACT.multiply(total, MILLIONTH)
