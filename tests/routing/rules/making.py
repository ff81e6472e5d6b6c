"""Random conditions and requests, and a plain evaluation that follows the page word by word."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from routing.rules.trees import AllOf, Condition, Leaf, Not

VALUES: Mapping[str, tuple[Any, ...]] = {
    "tools": (True, False),
    "hour": (0, 1, 2, 12, 23),
    "code_share": (0, 0.25, 0.5, 1),
    "prompt_tokens": (0, 1, 7, 100, 10**6),
    "weekday": ("monday", "sunday"),
    "model": ("auto", "Auto", "big", ""),
    "question": ("", "a", "ab", "ABC", "xabcx", "ß", "7"),
    "metadata.x": (True, False, 0, 1, 2.5, "a", "1", ""),
}
"""By fact, what a request may have; absent is possible as well."""
PARTS = ("a", "b", "AB", "bc", "x", "ss")
NAMES = tuple(VALUES)
PATTERNS = ("a", "^a", "b$", "(?i)abc", r"^\d$")


def leaf(chance: Random, signals: Sequence[str]) -> dict[str, Any]:
    signal = chance.choice(signals)
    values = VALUES[signal]
    operators: list[tuple[str, Any]] = [
        (chance.choice(("is", "is_not")), chance.choice(values)),
        ("exists", chance.random() < 0.5),
    ]
    if signal != "tools":
        several = chance.sample(values, chance.randint(1, min(3, len(values))))
        operators.append((chance.choice(("in", "not_in")), several))
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if numbers:
        more = chance.choice(("more_than", "at_least", "less_than", "at_most"))
        ends = sorted(chance.choices(numbers, k=2))
        operators += [(more, chance.choice(numbers)), ("between", ends)]
    if any(isinstance(value, str) for value in values):
        part = chance.choice(("contains", "starts_with", "ends_with"))
        operators += [(part, chance.choice(PARTS)), ("matches", chance.choice(PATTERNS))]
    operator, operand = chance.choice(operators)
    return {"signal": signal, operator: operand}


def condition(chance: Random, signals: Sequence[str] = NAMES, deep: int = 3) -> dict[str, Any]:
    """Now and then the one that always holds."""
    return {} if chance.random() < 0.05 else _tree(chance, signals, deep)


def _tree(chance: Random, signals: Sequence[str], deep: int) -> dict[str, Any]:
    kind = chance.choice(("leaf", "all", "any", "not")) if deep else "leaf"
    if kind == "leaf":
        return leaf(chance, signals)
    if kind == "not":
        return {"not": _tree(chance, signals, deep - 1)}
    return {kind: [_tree(chance, signals, deep - 1) for _ in range(chance.randint(1, 3))]}


def request(chance: Random) -> dict[str, Any]:
    return {name: chance.choice(VALUES[name]) for name in NAMES if chance.random() < 0.8}


def holds(condition: Condition, request: Mapping[str, Any]) -> bool:
    if isinstance(condition, Leaf):
        return _leaf_holds(condition, request.get(condition.signal))
    if isinstance(condition, Not):
        return not holds(condition.part, request)
    held = [holds(part, request) for part in condition.parts]
    return all(held) if isinstance(condition, AllOf) else any(held)


def _leaf_holds(leaf: Leaf, value: Any) -> bool:
    operator, operand = leaf.operator, leaf.operand
    if operator == "exists":
        return (value is not None) is operand
    if value is None:
        return False
    if operator in ("is", "in"):
        among = operand if operator == "in" else [operand]
        return any(value == each and isinstance(value, bool) == isinstance(each, bool)
                   for each in among)  # fmt: skip
    if operator in ("is_not", "not_in"):
        opposite = {"is_not": "is", "not_in": "in"}[operator]
        return not _leaf_holds(Leaf(signal=leaf.signal, operator=opposite, operand=operand), value)
    if operator in ("contains", "starts_with", "ends_with", "matches"):
        return isinstance(value, str) and _text_holds(operator, value, operand)
    return _number_holds(operator, value, operand)


def _text_holds(operator: str, value: str, operand: str) -> bool:
    if operator == "matches":
        return re.search(operand, value) is not None
    text, part = value.casefold(), operand.casefold()
    return {
        "contains": part in text,
        "starts_with": text[: len(part)] == part,
        "ends_with": part == text[max(len(text) - len(part), 0) :],
    }[operator]


def _number_holds(operator: str, value: Any, operand: Any) -> bool:
    if isinstance(value, bool | str):
        return False
    if operator == "between":
        return bool(operand[0] <= value <= operand[1])
    told: dict[str, bool] = {
        "more_than": value > operand,
        "at_least": value >= operand,
        "less_than": value < operand,
        "at_most": value <= operand,
    }
    return told[operator]
