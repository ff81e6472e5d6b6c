"""Turns conditions into functions that ask each fact at most once a request (pure).

They say True, False, or None where a fact was not kept that the rest hangs on; the last happens
in simulations only. A leaf that stands in several rules is answered once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from routing.rules.operators import OPERATORS, Test
from routing.rules.trees import AllOf, Condition, Leaf, Not
from routing.signals import names, words
from routing.signals.facts import UNKEPT, Facts
from routing.signals.words import Patterns

Answers: TypeAlias = list[Any]
"""Of one request, by the number of each leaf."""
Held: TypeAlias = Callable[[Facts, Answers], bool | None]
UNASKED: Final = ...
COST_OF_PATTERN = 0.5


class Compiler:
    """Compiles the conditions of one list of rules, which share their leaves."""

    def __init__(self) -> None:
        self._leaves: dict[tuple[Any, ...], Held] = {}
        self._searches: dict[str, Search] = {}
        self._count = 0

    @property
    def count(self) -> int:
        return self._count

    def unasked(self) -> Answers:
        return [UNASKED] * self._count

    def compile(self, condition: Condition) -> Held:
        if isinstance(condition, Leaf):
            return self._leaf(condition)
        if isinstance(condition, Not):
            return _inverted(self.compile(condition.part))
        parts = [self.compile(part) for part in sorted(condition.parts, key=cost)]
        if len(parts) == 1:
            return parts[0]
        return _all(parts) if isinstance(condition, AllOf) else _any(parts)

    def _leaf(self, leaf: Leaf) -> Held:
        same = (leaf.signal, leaf.operator, repr(leaf.operand))
        known = self._leaves.get(same)
        if known is None:
            known = self._leaves[same] = self._made(leaf)
        return known

    def _made(self, leaf: Leaf) -> Held:
        if leaf.operator == "matches":
            search = self._searches.get(leaf.signal)
            if search is None:
                search = self._searches[leaf.signal] = Search(self._next(), leaf.signal)
            return search.add(leaf.operand)
        test = OPERATORS[leaf.operator].test(leaf.operand)
        make = _existence if leaf.operator == "exists" else _asking
        return make(self._next(), leaf.signal, test)

    def _next(self) -> int:
        self._count += 1
        return self._count - 1


class Search:
    """All the patterns that a list of rules looks for in one fact, in one pass over it."""

    def __init__(self, number: int, signal: str) -> None:
        self._number, self._signal = number, signal
        self._patterns: list[str] = []
        self._groups: tuple[Patterns, ...] | None = None

    def add(self, pattern: str) -> Held:
        index, number = len(self._patterns), self._number
        self._patterns.append(pattern)

        def held(facts: Facts, answers: Answers) -> bool | None:
            found = answers[number]
            if found is UNASKED:
                value = facts.value(self._signal)
                found = answers[number] = None if value is UNKEPT else self._found(value)
            return None if found is None else index in found

        return held

    def _found(self, value: Any) -> frozenset[int]:
        if not isinstance(value, str):
            return frozenset()
        if self._groups is None:
            self._groups = words.groups(self._patterns)
        found, before = set[int](), 0
        for group in self._groups:
            found.update(before + index for index in group.found(value))
            before += group.size
        return frozenset(found)


def cost(condition: Condition) -> float:
    """What asking may take at worst: dear facts come last."""
    if isinstance(condition, Leaf):
        known = names.find(condition.signal)
        dear = known.cost if known else names.AT_HAND
        return dear + (COST_OF_PATTERN if condition.operator == "matches" else 0.0)
    if isinstance(condition, Not):
        return cost(condition.part)
    return max((cost(part) for part in condition.parts), default=0.0)


def _asking(number: int, signal: str, test: Test) -> Held:
    def held(facts: Facts, answers: Answers) -> bool | None:
        known = answers[number]
        if known is UNASKED:
            value = facts.value(signal)
            known = None if value is UNKEPT else value is not None and test(value)
            answers[number] = known
        return known  # type: ignore[no-any-return]

    return held


def _existence(number: int, signal: str, test: Test) -> Held:
    wanted = test(None)

    def held(facts: Facts, answers: Answers) -> bool | None:
        known = answers[number]
        if known is UNASKED:
            value = facts.value(signal)
            known = None if value is UNKEPT else (value is not None) is wanted
            answers[number] = known
        return known  # type: ignore[no-any-return]

    return held


def _inverted(part: Held) -> Held:
    def held(facts: Facts, answers: Answers) -> bool | None:
        found = part(facts, answers)
        return None if found is None else not found

    return held


def _all(parts: list[Held]) -> Held:
    def held(facts: Facts, answers: Answers) -> bool | None:
        whole: bool | None = True
        for part in parts:
            found = part(facts, answers)
            if found is False:
                return False
            if found is None:
                whole = None
        return whole

    return held


def _any(parts: list[Held]) -> Held:
    def held(facts: Facts, answers: Answers) -> bool | None:
        whole: bool | None = False
        for part in parts:
            found = part(facts, answers)
            if found:
                return True
            if found is None:
                whole = None
        return whole

    return held
