"""Numbers between two bounds, digit by digit: the part of a grammar that counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inference.talk.errors import UnusableSchemaError

LONGEST = 15
"""Digits of a number that has only one bound."""
FRACTION = '("." [0-9]{1,15})?'
SOME_FRACTION = '"." [0-9]{0,6} [1-9] [0-9]{0,6}'


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """A whole number, which itself may be meant or not."""

    at: int
    meant: bool


def expression(schema: Mapping[str, Any], *, whole: bool) -> str:
    """Empty when there is no bound."""
    low = _bound(schema, "minimum", "exclusiveMinimum", 1)
    high = _bound(schema, "maximum", "exclusiveMaximum", -1)
    if low is None and high is None:
        return ""
    alternatives = list(_wholes(low, high) if whole else _numbers(low, high))
    if not alternatives:
        raise UnusableSchemaError("no number lies between its bounds")
    return f"({' | '.join(alternatives)})"


def _bound(schema: Mapping[str, Any], name: str, exclusive: str, inwards: int) -> Bound | None:
    """The stricter of the two, when both are there."""
    found = [
        Bound(at=_whole(schema[word], word), meant=word == name)
        for word in (name, exclusive)
        if schema.get(word) is not None
    ]
    return max(found, key=lambda bound: (bound.at * inwards, not bound.meant), default=None)


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise UnusableSchemaError(f"{name} must be a whole number here")
    if abs(value) >= 10**LONGEST:
        raise UnusableSchemaError(f"{name} is too large")
    return int(value)


def _wholes(low: Bound | None, high: Bound | None) -> Iterator[str]:
    least = None if low is None else low.at + (not low.meant)
    most = None if high is None else high.at - (not high.meant)
    if least is None or least < 0:
        nearest = 1 if most is None or most >= 0 else -most
        for digits in _between(nearest, None if least is None else -least):
            yield f'"-" {digits}'
    if most is None or most >= 0:
        yield from _between(max(least or 0, 0), most)


def _numbers(low: Bound | None, high: Bound | None) -> Iterator[str]:
    zero = Bound(at=0, meant=True)
    if low is None or low.at < 0:
        nearest = Bound(at=0, meant=False) if high is None or high.at >= 0 else _mirrored(high)
        for digits in _magnitudes(nearest, None if low is None else _mirrored(low)):
            yield f'"-" {digits}'
    if high is None or high.at >= 0:
        yield from _magnitudes(low if low is not None and low.at >= 0 else zero, high)


def _mirrored(bound: Bound) -> Bound:
    return Bound(at=-bound.at, meant=bound.meant)


def _magnitudes(near: Bound, far: Bound | None) -> Iterator[str]:
    end = None if far is None else far.at
    if near.meant and (far is None or near.at < far.at or far.meant):
        yield f'"{near.at}"'
    if end is None or near.at < end:
        yield f'"{near.at}" {SOME_FRACTION}'
        for digits in _between(near.at + 1, None if end is None else end - 1):
            yield f"{digits} {FRACTION}"
    if far is not None and far.meant and near.at < far.at:
        yield f'"{far.at}"'


def _between(low: int, high: int | None) -> Iterator[str]:
    """Whole numbers from `low`, which is not negative, to `high` or to the longest there are."""
    end = 10**LONGEST - 1 if high is None else high
    while low <= end:
        last = min(end, 10 ** len(str(low)) - 1)
        yield from _same_length(str(low), str(last))
        low = last + 1


def _same_length(low: str, high: str) -> Iterator[str]:
    rest = len(low) - 1
    if low == high:
        yield f'"{low}"'
    elif set(low) == {"0"} and set(high) == {"9"}:
        yield f"[0-9]{{{len(low)}}}"
    elif low[0] == high[0]:
        for digits in _same_length(low[1:], high[1:]):
            yield f'"{low[0]}" {digits}'
    elif rest == 0:
        yield f"[{low}-{high}]"
    else:
        yield from _edges(low, high, rest)


def _edges(low: str, high: str, rest: int) -> Iterator[str]:
    for digits in _same_length(low[1:], "9" * rest):
        yield f'"{low[0]}" {digits}'
    first, last = int(low[0]) + 1, int(high[0]) - 1
    if first <= last:
        yield f"[{first}-{last}] [0-9]{{{rest}}}"
    for digits in _same_length("0" * rest, high[1:]):
        yield f'"{high[0]}" {digits}'
