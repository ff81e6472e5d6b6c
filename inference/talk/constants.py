"""Values that a schema lists: those that fit what it says beside the list (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.talk.errors import UnusableSchemaError

WORDS = frozenset({"const", "enum"})
INSIDE = ("properties", "required", "additionalProperties", "items", "prefixItems",
          "additionalItems", "uniqueItems")  # fmt: skip
"""What is said about the inside of lists and objects."""
SIZES: dict[type, tuple[str, str]] = {
    str: ("minLength", "maxLength"),
    list: ("minItems", "maxItems"),
}


def fitting(schema: Mapping[str, Any]) -> list[Any]:
    """Formats are left to who wrote the values: most of them are descriptions."""
    values = [value for value in _values(schema) if _fits(value, schema)]
    said = next((word for word in INSIDE if word in schema), None)
    if said and any(isinstance(value, list | dict) for value in values):
        raise UnusableSchemaError(f"{said} cannot stand beside lists and objects that are given")
    if not values:
        raise UnusableSchemaError("nothing of its const or enum fits the rest of it")
    return values


def _values(schema: Mapping[str, Any]) -> list[Any]:
    if "enum" not in schema:
        return [schema["const"]]
    values = schema["enum"]
    if not isinstance(values, list) or not values:
        raise UnusableSchemaError("enum must be a list with something in it")
    return [v for v in values if "const" not in schema or _same(v, schema["const"])]


def _same(one: Any, other: Any) -> bool:
    """True is no 1 in JSON, but 1.0 is."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    wanted = schema.get("type", _types(value))
    kinds = wanted if isinstance(wanted, list) else [wanted]
    if not any(kind in _types(value) for kind in kinds):
        return False
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _within(value, schema)
    if type(value) not in SIZES:
        return True
    low, high = (_number(schema, word) for word in SIZES[type(value)])
    return (low is None or low <= len(value)) and (high is None or len(value) <= high)


def _types(value: Any) -> list[str]:
    if isinstance(value, bool):
        return ["boolean"]
    if isinstance(value, int | float):
        return ["number", "integer"] if value == value // 1 else ["number"]
    named: dict[type, str] = {str: "string", list: "array", dict: "object"}
    return [named.get(type(value), "null")]


def _within(value: float, schema: Mapping[str, Any]) -> bool:
    low, above = _number(schema, "minimum"), _number(schema, "exclusiveMinimum")
    high, below = _number(schema, "maximum"), _number(schema, "exclusiveMaximum")
    return (
        (low is None or low <= value)
        and (above is None or above < value)
        and (high is None or value <= high)
        and (below is None or value < below)
    )


def _number(schema: Mapping[str, Any], word: str) -> float | None:
    value = schema.get(word)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnusableSchemaError(f"{word} must be a number")
    return value
