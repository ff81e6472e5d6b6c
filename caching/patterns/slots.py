"""What may stand in a slot of a prompt template: a type, and no more than was seen (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from caching.patterns import wording

KINDS = ("number", "word", "quoted", "json", "list", "phrase", "line")
NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?\Z", re.ASCII)
WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*\Z")
QUOTES = (('"', '"'), ("'", "'"), ("“", "”"), ("«", "»"), ("`", "`"))
LIST = re.compile(r"\s*(?:,|;|\n)\s*(?:and\s+)?|\s+and\s+")
MOST_CHARACTERS = 1_000
FEW = 12
"""A slot with no more values than these, each seen often, is a choice and takes nothing else."""
OFTEN = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """What was seen in one place: anything beyond it is not filled."""

    name: str
    kind: str
    shortest: int
    longest: int
    most_words: int
    signs: frozenset[str]
    """Classes of characters: `a` small, `A` capital, `0` digit, `é` and `#` beyond ASCII."""
    shapes: frozenset[str]
    steering: frozenset[str] = frozenset()
    among: frozenset[str] = frozenset()
    """The only values, where the slot is a choice; else empty."""

    def takes(self, value: str) -> bool:
        """Whether a value lies within what was seen."""
        if self.among:
            return value in self.among
        return (
            self.shortest <= len(value) <= self.longest
            and len(value.split()) <= self.most_words
            and is_a(self.kind, value)
            and signs(value) <= self.signs
            and shape(self.kind, value) in self.shapes
            and steering(value) <= self.steering
        )

    def only(self, values: Sequence[str]) -> Slot:
        return replace(self, among=frozenset(values))

    def as_json(self) -> dict[str, Any]:
        facts = {name: getattr(self, name) for name in self.__slots__}
        return {k: sorted(v) if isinstance(v, frozenset) else v for k, v in facts.items()}


def read(stored: Mapping[str, Any]) -> Slot:
    return Slot(
        name=stored["name"],
        kind=stored["kind"],
        shortest=stored["shortest"],
        longest=stored["longest"],
        most_words=stored["most_words"],
        signs=frozenset(stored["signs"]),
        shapes=frozenset(stored["shapes"]),
        steering=frozenset(stored["steering"]),
        among=frozenset(stored["among"]),
    )


def learn(name: str, values: Sequence[str]) -> Slot:
    """The narrowest type that all values have, and the room they took."""
    kind = next((kind for kind in KINDS if all(is_a(kind, value) for value in values)), "line")
    counted = {value: values.count(value) for value in set(values)}
    choice = len(counted) <= FEW and min(counted.values()) >= OFTEN
    return Slot(
        name=name,
        kind=kind,
        shortest=min(map(len, values)),
        longest=min(max(map(len, values)), MOST_CHARACTERS),
        most_words=max(len(value.split()) for value in values),
        signs=frozenset().union(*map(signs, values)),
        shapes=frozenset(shape(kind, value) for value in values),
        steering=frozenset().union(*map(steering, values)),
        among=frozenset(counted) if choice else frozenset(),
    )


def is_a(kind: str, value: str) -> bool:
    return TESTS[kind](value)


def items(value: str) -> list[str]:
    """The members of a list in words or JSON; a single one is no list."""
    if value.lstrip().startswith("["):
        try:
            found = orjson.loads(value)
        except orjson.JSONDecodeError:
            return []
        return [each if isinstance(each, str) else orjson.dumps(each).decode() for each in found]
    return [each for each in LIST.split(value.strip()) if each]


def unquoted(value: str) -> str:
    return value[1:-1] if _quoted(value) else value


def signs(value: str) -> frozenset[str]:
    return frozenset(map(_sign, value))


def shape(kind: str, value: str) -> str:
    """How a value is written, where its letters alone do not say it."""
    if kind == "number":
        whole, _, decimals = value.lstrip("-").partition(".")
        padded = len(whole) > 1 and whole.startswith("0")
        return f"{'-' * value.startswith('-')}{'g' * (',' in whole)}{'z' * padded}.{len(decimals)}"
    if kind == "word":
        return _case(value)
    return _case(value[:1]) + ("s" if value != value.strip() else "")


def steering(value: str) -> frozenset[str]:
    return wording.STEERING & {word.strip(".,;:!?()\"'").casefold() for word in value.split()}


def _sign(character: str) -> str:
    if character.isdigit():
        return "0" if character.isascii() else "#"
    if character.isalpha():
        return ("A" if character.isupper() else "a") if character.isascii() else "é"
    return character


def _case(value: str) -> str:
    for name, same in (("lower", value.lower()), ("UPPER", value.upper())):
        if value == same:
            return name
    return "Title" if value == value[:1].upper() + value[1:].lower() else "mIxed"


def _quoted(value: str) -> bool:
    return len(value) > 2 and any(
        value.startswith(a) and value.endswith(b) and b not in value[1:-1] for a, b in QUOTES
    )


def _json(value: str) -> bool:
    if value[:1] not in "{[":
        return False
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return True


def _list(value: str) -> bool:
    members = items(value)
    return len(members) > 1 and all(len(member) <= 60 for member in members)


TESTS: Mapping[str, Callable[[str], bool]] = {
    "number": lambda value: bool(NUMBER.match(value)),
    "word": lambda value: bool(WORD.match(value)),
    "quoted": _quoted,
    "json": lambda value: bool(value) and _json(value),
    "list": _list,
    "phrase": lambda value: 0 < len(value.split()) <= 12 and "\n" not in value,
    "line": lambda value: bool(value.strip()) and "\n" not in value,
}
