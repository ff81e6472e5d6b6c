"""Reads a rule's `then`, and joins what several rules ask for: together they only narrow (pure)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from routing.rules import particulars, templates
from routing.rules.errors import Unreadable
from routing.rules.values import Effects

ENDS = ("deny", "reply")
LONGEST_MESSAGE = 500
LONGEST_NAME = 120
MOST_NAMES = 200
CACHE_MODES = ("default", "no-cache", "no-store", "off", "only")
LOCALITIES = ("any", "local")
SETTINGS = tuple(particulars.READERS)


def read(given: Any, place: str = "then") -> tuple[Effects, dict[str, Any]]:
    """The effects, and beside them `deny`, `reply` and `continue` where they are set."""
    if not isinstance(given, Mapping) or not set(given) - {"continue"}:
        raise Unreadable(place, f"at least one of {', '.join(KNOWN)} is needed here")
    unknown = next((name for name in given if name not in READERS), None)
    if unknown is not None:
        raise Unreadable(f"{place}.{unknown}", f"there is no such effect; {', '.join(READERS)}")
    read = {name: READERS[name](value, f"{place}.{name}") for name, value in given.items()}
    ends = [name for name in ENDS if name in read]
    if ends and set(read) != {ends[0]}:
        other = next(name for name in read if name != ends[0])
        raise Unreadable(f"{place}.{other}", f"{ends[0]} ends a request; nothing goes with it")
    settings = {name: read[name] for name in SETTINGS if name in read}
    return Effects(
        use=read.get("use", ""),
        only=read.get("only"),
        avoid=read.get("avoid", frozenset()),
        cache=read.get("cache", {}),
        constraints=read.get("set", {}),
        settings=settings,
    ), {name: read[name] for name in (*ENDS, "continue") if name in read}


def narrowed(first: Effects, second: Effects) -> Effects:
    """Both: what the first says stands, and the second may only ask for more."""
    return Effects(
        use=first.use or second.use,
        only=_intersected(first.only, second.only),
        avoid=first.avoid | second.avoid,
        cache=stricter(first.cache, second.cache),
        constraints=stricter(first.constraints, second.constraints),
        settings={**second.settings, **first.settings},
    )


def _intersected(
    first: frozenset[str] | None, second: frozenset[str] | None
) -> frozenset[str] | None:
    if first is None or second is None:
        return second if first is None else first
    return first & second


def stricter(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    both = {name: STRICTER[name](first[name], second[name]) for name in first if name in second}
    return {**first, **second, **both}


def modes(first: str, second: str) -> str:
    """Of two cache modes the one that has neither what the first forbids nor the second; `""` where
    a stored answer may not be read and no other may be given."""
    if "default" in (first, second) or first == second:
        return second if first == "default" else first
    if "only" in (first, second):
        return "only" if "no-store" in (first, second) else ""
    return "off"


def _first(first: Any, second: Any) -> Any:
    del second
    return first


STRICTER: Mapping[str, Callable[[Any, Any], Any]] = {
    "mode": modes,
    "max_age": min,
    "similarity": max,
    "max_cost": min,
    "max_latency_ms": min,
    "min_quality": max,
    "locality": lambda first, second: "local" if "local" in (first, second) else "any",
    "data_class": _first,
}


def _name(given: Any, place: str) -> str:
    if not isinstance(given, str) or not 0 < len(given) <= LONGEST_NAME:
        raise Unreadable(place, "the name of a backend, an alias or a virtual model is needed here")
    return given


def _names(given: Any, place: str) -> frozenset[str]:
    if not isinstance(given, list) or not 0 < len(given) <= MOST_NAMES:
        raise Unreadable(place, f"a list of 1 to {MOST_NAMES} backends is needed here")
    return frozenset(_name(each, f"{place}[{index}]") for index, each in enumerate(given))


def _message(given: Any, place: str) -> str:
    if not isinstance(given, str) or not 0 < len(given) <= LONGEST_MESSAGE:
        raise Unreadable(place, f"a message of 1 to {LONGEST_MESSAGE} characters is needed here")
    return given


def _flag(given: Any, place: str) -> bool:
    if not isinstance(given, bool):
        raise Unreadable(place, "true or false is needed here")
    return given


def _dollars(given: Any, place: str) -> Decimal:
    try:
        amount = Decimal(str(given))
    except InvalidOperation:
        amount = Decimal(-1)
    if isinstance(given, bool) or not amount.is_finite() or not 0 <= amount <= 10**9:
        raise Unreadable(place, "an amount in USD, zero or more, is needed here")
    return amount


def _between(low: float, high: float) -> Callable[[Any, str], float]:
    def number(given: Any, place: str) -> float:
        fine = isinstance(given, int | float) and not isinstance(given, bool)
        if not (fine and math.isfinite(given) and low <= given <= high):
            raise Unreadable(place, f"a number from {low:g} to {high:g} is needed here")
        return float(given)

    return number


def _choice(choices: tuple[str, ...]) -> Callable[[Any, str], str]:
    def choice(given: Any, place: str) -> str:
        if given not in choices:
            raise Unreadable(place, f"one of {', '.join(choices)} is needed here")
        return str(given)

    return choice


def _object(fields: Mapping[str, Callable[[Any, str], Any]]) -> Callable[[Any, str], Any]:
    def several(given: Any, place: str) -> dict[str, Any]:
        if not isinstance(given, Mapping) or not given:
            raise Unreadable(place, f"an object with {', '.join(fields)} is needed here")
        for name in given:
            if name not in fields:
                raise Unreadable(f"{place}.{name}", f"one of {', '.join(fields)}")
        return {name: fields[name](value, f"{place}.{name}") for name, value in given.items()}

    return several


READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "use": _name,
    "only": _names,
    "avoid": _names,
    "deny": _message,
    "reply": templates.read,
    "cache": _object({
        "mode": _choice(CACHE_MODES),
        "max_age": _between(0, 1e9),
        "similarity": _between(0, 1),
    }),
    "set": _object({
        "max_cost": _dollars,
        "max_latency_ms": _between(1, 86_400_000),
        "min_quality": _between(0, 1),
        "locality": _choice(LOCALITIES),
        "data_class": _name,
    }),
    **particulars.READERS,
    "continue": _flag,
}  # fmt: skip
KNOWN = tuple(name for name in READERS if name != "continue")
