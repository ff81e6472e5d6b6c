"""Whether a value fits a JSON schema that a client sent (pure).

A client's regular expressions are not tried: one of them could take for ever. Nor is anything
fetched that a schema points to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import referencing
import referencing.exceptions
from jsonschema.exceptions import SchemaError, UnknownType
from jsonschema.validators import Draft202012Validator, extend

NOTHING: referencing.Registry[Any] = referencing.Registry()
LONGEST_TOLD = 200


def _additional(
    validator: Any, allowed: Any, value: Any, schema: Mapping[str, Any]
) -> Iterator[Any]:
    """Which properties are additional cannot be said without their patterns."""
    if "patternProperties" not in schema:
        plain = Draft202012Validator.VALIDATORS["additionalProperties"]
        yield from plain(validator, allowed, value, schema)


_Validator: Any = extend(
    Draft202012Validator,
    {
        "pattern": None,
        "patternProperties": None,
        "unevaluatedProperties": None,
        "additionalProperties": _additional,
    },
)


def wrong(schema: Any, value: Any) -> str:
    """What is wrong with the value, as a sentence; nothing where it fits or the schema is none."""
    if not isinstance(schema, dict):
        return ""
    try:
        found = next(_Validator(schema, registry=NOTHING).iter_errors(value), None)
    except (
        SchemaError,
        UnknownType,
        referencing.exceptions.Unresolvable,
        RecursionError,
        TypeError,
        ValueError,
        AttributeError,
        KeyError,
    ):
        return ""  # a schema that cannot be read says nothing against the answer
    if found is None:
        return ""
    place = found.json_path
    return f"{place}: {found.validator} does not hold."[:LONGEST_TOLD]
