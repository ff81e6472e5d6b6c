"""US dollars as Decimal with twelve decimals; arithmetic that never rounds on the way."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal

PLACE = Decimal("0.000000000001")
EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)
UPWARD = Context(prec=80, rounding=ROUND_CEILING)


def rounded(amount: Decimal) -> Decimal:
    return EXACT.quantize(amount, PLACE)


def rounded_up(amount: Decimal) -> Decimal:
    """For what is held: never less than what may be spent."""
    return UPWARD.quantize(amount, PLACE)


def as_header(amount: Decimal) -> str:
    """Nine decimals, as `x-kora-cost` and `x-kora-saved` say it."""
    return f"{amount:.9f}"
