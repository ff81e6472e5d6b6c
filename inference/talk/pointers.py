"""Where a `$ref` leads inside its schema, by the standard of JSON pointers (pure)."""

from __future__ import annotations

import graphlib
from collections.abc import Mapping, Set
from typing import Any
from urllib.parse import unquote

from inference.talk.errors import UnusableSchemaError


def resolved(root: Any, pointer: Any) -> Any:
    shown = repr(pointer)[:100]
    if not isinstance(pointer, str) or not pointer.startswith("#"):
        raise UnusableSchemaError(f"the $ref {shown} leads out of the schema")
    beginning, *steps = unquote(pointer[1:]).split("/")
    found: Any = root
    try:
        if beginning:
            raise KeyError(beginning)
        for step in steps:
            found = _below(found, step.replace("~1", "/").replace("~0", "~"))
    except (LookupError, TypeError, ValueError):
        raise UnusableSchemaError(f"the $ref {shown} leads nowhere") from None
    return found


def has_circle(leads: Mapping[str, Set[str]]) -> bool:
    try:
        graphlib.TopologicalSorter(leads).prepare()
    except graphlib.CycleError:
        return True
    return False


def _below(found: Any, step: str) -> Any:
    if not isinstance(found, list):
        return found[step]
    if not (step.isascii() and step.isdigit() and (step == "0" or step[0] != "0")):
        raise KeyError(step)
    return found[int(step)]
