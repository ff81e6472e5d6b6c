"""What a call costs under a price tag: dollars per million tokens, and per second of computing."""

from __future__ import annotations

from decimal import Decimal

from analytics import money
from analytics.money import EXACT
from analytics.values import ZERO, PriceTag

MILLIONTH = Decimal("0.000001")
NANOSECOND = Decimal("0.000000001")
HIGHEST = Decimal(100_000)
"""USD per million tokens or per second: far above any real price, and no call at it costs more than
the book's columns hold."""


def seconds(measured: float) -> Decimal:
    """Measured time as the book keeps it; the cost is worked out from this, not from the float."""
    return EXACT.quantize(Decimal(measured), NANOSECOND)


def cost_of(
    tag: PriceTag,
    prompt_tokens: int,
    completion_tokens: int,
    cached_tokens: int = 0,
    *,
    compute_s: Decimal = ZERO,
) -> Decimal:
    """Cached tokens are part of the prompt's and are charged at their own price instead."""
    cached = min(cached_tokens, prompt_tokens)
    charge = _charge(
        (prompt_tokens - cached, tag.price_in),
        (cached, tag.price_cached_in),
        (completion_tokens, tag.price_out),
    )
    return money.rounded(EXACT.add(charge, EXACT.multiply(compute_s, tag.price_compute_s)))


def worst_case(
    tag: PriceTag, prompt_tokens: int, max_output: int, *, compute_s: Decimal = ZERO
) -> Decimal:
    """The most that a call of this size can cost, whether the provider's cache helps or not."""
    dearest = max(tag.price_in, tag.price_cached_in)
    charge = _charge((prompt_tokens, dearest), (max_output, tag.price_out))
    return money.rounded_up(EXACT.add(charge, EXACT.multiply(compute_s, tag.price_compute_s)))


def _charge(*parts: tuple[int, Decimal]) -> Decimal:
    total = Decimal(0)
    for tokens, price in parts:
        total = EXACT.add(total, EXACT.multiply(tokens, price))
    return EXACT.multiply(total, MILLIONTH)
