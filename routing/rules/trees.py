"""Conditions as values: leaves that ask one fact, and what joins them (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaf:
    """`operand` is a number, a text, true or false, or a tuple of them."""

    signal: str
    operator: str
    operand: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class AllOf:
    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class AnyOf:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Not:
    part: Condition


Condition: TypeAlias = Leaf | AllOf | AnyOf | Not
ALWAYS = AllOf()


def leaves(condition: Condition) -> Iterator[Leaf]:
    if isinstance(condition, Leaf):
        yield condition
    elif isinstance(condition, Not):
        yield from leaves(condition.part)
    else:
        for part in condition.parts:
            yield from leaves(part)
