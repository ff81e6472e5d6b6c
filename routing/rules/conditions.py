"""Reads a rule's `when` as somebody wrote it; whatever is wrong is said with its place (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routing.rules.errors import Unreadable
from routing.rules.operators import OPERATORS
from routing.rules.trees import ALWAYS, AllOf, AnyOf, Condition, Leaf, Not
from routing.signals import names
from routing.signals.names import Known

DEEPEST = 16
MOST_NODES = 500
BRANCHES = ("all", "any", "not")
NOBODYS: frozenset[str] = frozenset()


def read(given: Any, place: str = "when", own: frozenset[str] = NOBODYS) -> Condition:
    """`{}` holds always; `own` are the first words of the house's own signals."""
    if given == {}:
        return ALWAYS
    return _Reader(own).read(given, place, depth=1)


class _Reader:
    """Counts the nodes of one tree."""

    def __init__(self, own: frozenset[str]) -> None:
        self._own = own
        self._nodes = 0

    def read(self, given: Any, place: str, depth: int) -> Condition:
        self._nodes += 1
        if not isinstance(given, Mapping) or not given:
            raise Unreadable(place, "an object with all, any, not or signal is needed here")
        if depth > DEEPEST:
            raise Unreadable(place, f"conditions lie at most {DEEPEST} deep in each other")
        if self._nodes > MOST_NODES:
            raise Unreadable(place, f"a rule has at most {MOST_NODES} conditions")
        if "signal" in given:
            return self._leaf(given, place)
        return self._branch(given, place, depth)

    def _branch(self, given: Mapping[str, Any], place: str, depth: int) -> Condition:
        if len(given) != 1 or next(iter(given)) not in BRANCHES:
            name = next((each for each in given if each not in BRANCHES), "")
            where = f"{place}.{name}" if name else place
            raise Unreadable(where, "one of all, any and not, or signal with an operator")
        kind, inner = next(iter(given.items()))
        if kind == "not":
            return Not(part=self.read(inner, f"{place}.not", depth + 1))
        if not isinstance(inner, list) or not inner:
            raise Unreadable(f"{place}.{kind}", "a list of at least one condition is needed here")
        parts = tuple(
            self.read(part, f"{place}.{kind}[{index}]", depth + 1)
            for index, part in enumerate(inner)
        )
        return AllOf(parts=parts) if kind == "all" else AnyOf(parts=parts)

    def _leaf(self, given: Mapping[str, Any], place: str) -> Leaf:
        signal = given["signal"]
        known = self._known(signal, f"{place}.signal")
        rest = [name for name in given if name != "signal"]
        if len(rest) != 1 or rest[0] not in OPERATORS:
            unknown = next((name for name in rest if name not in OPERATORS), "")
            where = f"{place}.{unknown}" if unknown else place
            raise Unreadable(where, f"exactly one operator of {', '.join(OPERATORS)} is needed")
        operator, operand = rest[0], given[rest[0]]
        try:
            read = _operand(operator, operand, known)
        except ValueError as error:
            raise Unreadable(f"{place}.{operator}", str(error)) from error
        return Leaf(signal=signal, operator=operator, operand=read)

    def _known(self, signal: Any, place: str) -> Known:
        known = names.find(signal, self._own) if isinstance(signal, str) else None
        if known is None:
            near = names.like(signal) if isinstance(signal, str) else ""
            raise Unreadable(place, "there is no such signal" + (f"; {near}?" if near else ""))
        return known


def _operand(name: str, given: Any, known: Known) -> Any:
    operator = OPERATORS[name]
    if known.kind not in operator.kinds:
        fits = [each for each, about in OPERATORS.items() if known.kind in about.kinds]
        raise ValueError(f"it is {_a(known.kind)}, which takes {', '.join(fits)}")
    return operator.read(given, known)


def _a(kind: str) -> str:
    return {names.YES_NO: "true or false", names.NUMBER: "a number"}.get(kind, "a text")
