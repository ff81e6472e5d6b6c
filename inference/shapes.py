"""JSON that has the shape a schema asks for, the same every time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEEPEST = 8
LONGEST = 100_000
"""Characters of a value, counted before they are made: `minItems` may ask for a billion."""
WORD = "sandbox"
FORMATS: Mapping[str, str] = {
    "date": "2024-01-31",
    "date-time": "2024-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "sandbox@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
}

Schema = Mapping[str, Any]
NONSENSE = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RecursionError)


class UnusableSchema(Exception):  # noqa: N818
    """The schema is not valid, or asks for a value of more than 100000 characters."""


@dataclass
class Root:
    """The whole schema, which references point into, and how long the value may still become."""

    schema: Schema
    left: int = LONGEST

    def spend(self, characters: int) -> None:
        self.left -= characters
        if self.left < 0:
            raise UnusableSchema


def example(schema: Any) -> Any:
    """A value that fits; keywords it does not know (`pattern`, `not`, …) it does not follow."""
    try:
        return _value(schema, Root(schema if isinstance(schema, Mapping) else {}), 0)
    except NONSENSE as error:
        raise UnusableSchema from error


def _value(schema: Any, root: Root, depth: int) -> Any:
    root.spend(1)
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return None
    if "$ref" in schema:
        return _value(_resolve(str(schema["$ref"]), root.schema), root, depth + 1)
    for given in ("const", "default"):
        if given in schema:
            return _given(schema[given], root)
    for listed in ("enum", "examples"):
        if schema.get(listed):
            return _given(schema[listed][0], root)
    return _composed(schema, root, depth)


def _given(value: Any, root: Root) -> Any:
    root.spend(len(json.dumps(value)))
    return value


def _composed(schema: Schema, root: Root, depth: int) -> Any:
    for several in ("anyOf", "oneOf"):
        if schema.get(several):
            # The deeper the value, the better the last choice: it is usually the one that ends.
            chosen = schema[several][-1 if depth > DEEPEST // 2 else 0]
            return _value({**_without(schema, several), **chosen}, root, depth + 1)
    if schema.get("allOf"):
        return _value(
            _merged(_without(schema, "allOf"), schema["allOf"], root.schema), root, depth + 1
        )
    return _typed(schema, root, depth)


def _typed(schema: Schema, root: Root, depth: int) -> Any:
    kind = schema.get("type") or ("object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = kind[-1] if depth > DEEPEST // 2 else kind[0]
    match kind:
        case "object":
            return _object(schema, root, depth)
        case "array":
            return _array(schema, root, depth)
        case "string":
            return _string(schema, root)
        case "integer" | "number":
            return _number(schema, kind)
        case "boolean":
            return True
    return None


def _object(schema: Schema, root: Root, depth: int) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    required = schema.get("required") or []
    names = required if depth > DEEPEST // 2 else [*properties, *required]
    root.spend(sum(len(name) for name in names))
    return {name: _value(properties.get(name, {}), root, depth + 1) for name in names}


def _array(schema: Schema, root: Root, depth: int) -> list[Any]:
    least = int(schema.get("minItems") or 0)
    wanted = least if depth > DEEPEST // 2 else max(least, 1)
    wanted = min(wanted, int(schema.get("maxItems", wanted)))
    return [_value(schema.get("items", {"type": "string"}), root, depth + 1) for _ in range(wanted)]


def _string(schema: Schema, root: Root) -> str:
    text = FORMATS.get(str(schema.get("format")), WORD)
    least = int(schema.get("minLength") or 0)
    root.spend(max(least, len(text)))
    text = (text * (least // len(text) + 1))[: max(least, len(text))]
    return text[: int(schema.get("maxLength", len(text)))]


def _number(schema: Schema, kind: str) -> int | float:
    step = schema.get("multipleOf") or (1 if kind == "integer" else 0.5)
    if "minimum" in schema or "exclusiveMinimum" in schema:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        number = -(-low // step) * step
        above = "exclusiveMinimum" in schema and number <= schema["exclusiveMinimum"]
        number = number + step if above else number
    elif "maximum" in schema or "exclusiveMaximum" in schema:
        high = schema.get("maximum", schema.get("exclusiveMaximum", 0))
        number = high // step * step - (step if "exclusiveMaximum" in schema else 0)
    else:
        number = step
    return int(number) if kind == "integer" else float(number)


def _resolve(reference: str, root: Schema) -> Any:
    found: Any = root
    for name in reference.removeprefix("#").strip("/").split("/"):
        if name:
            found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _merged(schema: Schema, parts: list[Any], root: Schema) -> dict[str, Any]:
    merged: dict[str, Any] = {**schema}
    for part in parts:
        whole = _resolve(str(part["$ref"]), root) if "$ref" in part else part
        properties = {**merged.get("properties", {}), **whole.get("properties", {})}
        required = [*merged.get("required", []), *whole.get("required", [])]
        merged |= {**whole, "properties": properties, "required": required}
    return merged


def _without(schema: Schema, name: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != name}
