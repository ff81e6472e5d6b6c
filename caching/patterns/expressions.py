"""Simple transformations of slot values: all that a filled answer may be made of (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, localcontext
from itertools import permutations
from typing import Any

import orjson

from caching.patterns import slots
from caching.patterns.slots import Slot

LONGEST_NUMBER = 15
"""Digits; beyond them nobody's arithmetic is reproduced."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Expression:
    """What is done with which slots, and how a number is written."""

    does: str
    of: tuple[int, ...]
    written: str = ""

    def value(self, values: Sequence[str]) -> str | None:
        """Nothing where it makes no sense for these values."""
        chosen = [values[number] for number in self.of]
        if self.does in TEXT:
            return TEXT[self.does](chosen[0])
        numbers = [_number(each) for each in chosen]
        if any(number is None for number in numbers):
            return None
        with localcontext(prec=2 * LONGEST_NUMBER):
            found = ARITHMETIC[self.does](*numbers)
            return None if found is None else WRITTEN[self.written](found)

    def text(self, over: Sequence[Slot]) -> str:
        """As people read it: what is done, with which slots."""
        names = " and ".join(over[number].name for number in self.of)
        plain = self.does == "copy" or (self.does == "number" and self.written == "plain")
        written = f", {self.written}" if self.written not in {"", "plain"} else ""
        return f"{{{names}}}" if plain else f"{{{self.does} of {names}{written}}}"

    def as_json(self) -> dict[str, Any]:
        return {"does": self.does, "of": list(self.of), "written": self.written}


def read(stored: Mapping[str, Any]) -> Expression:
    return Expression(
        does=stored["does"], of=tuple(stored["of"]), written=stored.get("written", "")
    )


def possible(over: Sequence[Slot]) -> list[Expression]:
    """Everything that may be tried, the plainest first: of two that fit the earlier is taken."""
    alone = [
        Expression(does=does, of=(number,))
        for does in dict.fromkeys((*COPIES, *FOR_LISTS, *TEXT))
        for number, slot in enumerate(over)
        if does in FOR_ALL or (does in FOR_LISTS and slot.kind in {"list", "json"})
    ]
    numeric = [number for number, slot in enumerate(over) if slot.kind == "number"]
    written = [
        Expression(does="number", of=(number,), written=how)
        for number in numeric
        for how in WRITTEN
    ]
    return [*alone, *written, *_pairs(numeric)]


def _pairs(numeric: Sequence[int]) -> Iterator[Expression]:
    for does in ("sum", "product", "difference", "percent", "more", "less", "quotient"):
        for pair in permutations(numeric, 2):
            if does in {"sum", "product", "percent"} and pair[0] > pair[1]:
                continue
            for how in WRITTEN:
                yield Expression(does=does, of=pair, written=how)


def _number(value: str) -> Decimal | None:
    """As it stands between brackets of thousands, if it is short enough to reckon with."""
    if not slots.is_a("number", value) or len(value) > LONGEST_NUMBER:
        return None
    try:
        return Decimal(value.replace(",", ""))
    except InvalidOperation:
        return None


def _quotient(a: Decimal, b: Decimal) -> Decimal | None:
    return a / b if b else None


def _plain(number: Decimal) -> str | None:
    """Without an exponent and without zeros at its end; only what is exact."""
    if number != number.quantize(Decimal("1e-9")):
        return None
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _grouped(number: Decimal) -> str | None:
    plain = _plain(number)
    return None if plain is None else f"{Decimal(plain):,f}"


ARITHMETIC: Mapping[str, Callable[..., Decimal | None]] = {
    "number": lambda a: a,
    "sum": lambda a, b: a + b,
    "product": lambda a, b: a * b,
    "difference": lambda a, b: a - b,
    "percent": lambda a, b: a * b / 100,
    "more": lambda a, b: a + a * b / 100,
    "less": lambda a, b: a - a * b / 100,
    "quotient": _quotient,
}
WRITTEN: Mapping[str, Callable[[Decimal], str | None]] = {
    "plain": _plain,
    "cents": lambda number: f"{number:.2f}",
    "grouped": _grouped,
    "grouped cents": lambda number: f"{number:,.2f}",
    "whole": lambda number: f"{number:.0f}",
}


def _joined(members: Sequence[str]) -> str:
    return ", ".join(members)


def _spoken(members: Sequence[str]) -> str | None:
    return f"{', '.join(members[:-1])} and {members[-1]}" if len(members) > 1 else None


FOR_ALL: Mapping[str, Callable[[str], str | None]] = {
    "copy": lambda value: value,
    "trimmed": str.strip,
    "unquoted": slots.unquoted,
    "lower": str.lower,
    "upper": str.upper,
    "title": str.title,
    "capitalised": lambda value: value[:1].upper() + value[1:],
    "uncapitalised": lambda value: value[:1].lower() + value[1:],
    "dashed": lambda value: "-".join(value.lower().split()),
    "as JSON": lambda value: orjson.dumps(value).decode()[1:-1],
    "length": lambda value: str(len(value)),
    "words": lambda value: str(len(value.split())),
    "first word": lambda value: next(iter(value.split()), None),
    "last word": lambda value: next(reversed(value.split()), None),
}
FOR_LISTS: Mapping[str, Callable[[str], str | None]] = {
    "count": lambda value: str(len(slots.items(value))),
    "sorted": lambda value: _joined(sorted(slots.items(value))),
    "joined": lambda value: _joined(slots.items(value)),
    "spoken": lambda value: _spoken(slots.items(value)),
    "first": lambda value: next(iter(slots.items(value)), None),
    "last": lambda value: next(iter(reversed(slots.items(value))), None),
    "bullets": lambda value: "\n".join(f"- {each}" for each in slots.items(value)),
}
TEXT = {**FOR_ALL, **FOR_LISTS}
COPIES = ("copy", "trimmed", "unquoted")
"""A list's own words come next: that it has as many words as members may be chance."""
