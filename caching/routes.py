"""What a team says otherwise of a route, the model asked for, and what is wrong with it (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

LONGEST_NAME = 200
YEARS_S = 10 * 365 * 86_400


def fault(model: str, said: object) -> str:
    """A sentence about the first thing that cannot be gone by, or nothing."""
    if not model or len(model) > LONGEST_NAME or not model.isprintable():
        return "A route is named by the model asked for."
    if not isinstance(said, Mapping):
        return f"{model}: say what is otherwise, as an object."
    for name, value in said.items():
        if name not in FIELDS:
            return f"{model}: {name} is none of {', '.join(sorted(FIELDS))}."
        fits, words = FIELDS[name]
        if not fits(value):
            return f"{model}: {name} must be {words}."
    return ""


def _between(low: float, high: float) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and low <= value <= high

    return fits


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_NAME


def _is_money(value: Any) -> bool:
    """As JSON has it: text, so that it stays exact, or a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return False
    return amount.is_finite() and 0 <= amount <= 100_000


FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "semantic": (_is_switch, "true or false"),
    "automatic_patterns": (_is_switch, "true or false"),
    "judge_model": (_is_name, "a backend's name, or empty"),
    "epsilon": (_between(0.0001, 0.5), "a number from 0.0001 to 0.5"),
    "static_threshold": (_between(0.5, 1), "a number from 0.5 to 1"),
    "shadow_share": (_between(0, 1), "a number from 0 to 1"),
    "shadow_usd_a_day": (_is_money, "an amount in USD from 0 to 100000"),
    "ttl_s": (_between(60, YEARS_S), f"seconds from 60 to {YEARS_S}"),
}
"""Whose answers they are, and how many are kept, is a matter of the whole team."""
