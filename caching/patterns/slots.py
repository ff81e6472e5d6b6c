"""What may stand in a slot of a prompt template: a type, and no more than was seen (pure)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
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
ODD = 0.03
"""What so few of the values have belongs to them and not to the slot: it does not widen it."""


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
    """The narrowest type that nearly all values have, and the room that those take."""
    kind = next((kind for kind in KINDS if _share(is_a(kind, v) for v in values) > 1 - ODD), "line")
    usual = [value for value in values if is_a(kind, value)] or list(values)
    common = _common(signs(value) for value in usual)
    steered = _common(steering(value) for value in usual)
    shapes = _common(frozenset({shape(kind, value)}) for value in usual)
    plain = [v for v in usual if signs(v) <= common and steering(v) <= steered] or usual
    return Slot(
        name=name,
        kind=kind,
        shortest=min(map(len, plain)),
        longest=min(max(map(len, plain)), MOST_CHARACTERS),
        most_words=max(len(value.split()) for value in plain),
        signs=common,
        shapes=shapes,
        steering=steered,
        among=_choices(values),
    )


def _choices(values: Sequence[str]) -> frozenset[str]:
    """The values, where there are few and each came often; odd ones beside them do not count."""
    counted = Counter(values)
    often = {value for value, count in counted.items() if count >= OFTEN}
    kept = sum(counted[value] for value in often)
    few = 0 < len(often) <= FEW and kept > (1 - 2 * ODD) * len(values)
    return frozenset(often) if few else frozenset()


def _common(each: Iterable[frozenset[str]]) -> frozenset[str]:
    """What more than a few of them have."""
    sets = list(each)
    counted = Counter(one for found in sets for one in found)
    return frozenset(one for one, count in counted.items() if count > ODD * len(sets))


def _share(each: Iterable[bool]) -> float:
    found = list(each)
    return sum(found) / len(found)


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
