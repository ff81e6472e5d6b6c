"""Rules and settings as a person says them (pure); what cannot be read is shown as it stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

OPERATORS = {
    "is": "is",
    "is_not": "is not",
    "in": "is one of",
    "not_in": "is none of",
    "more_than": "is more than",
    "at_least": "is at least",
    "less_than": "is less than",
    "at_most": "is at most",
    "between": "is between",
    "contains": "contains",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "matches": "matches",
    "exists": "is there",
}
LIMITS = {
    "max_cost": "at most ${} a request",
    "max_latency_ms": "an answer within {} ms",
    "min_quality": "a quality of at least {}",
    "data_class": "only backends cleared for {}",
}


def when(condition: Any) -> str:
    """`code is yes and (prompt tokens is more than 2000 or …)`."""
    if condition == {} or condition is None:
        return "always"
    return _part(condition, inside=False)


def _part(condition: Any, *, inside: bool) -> str:
    if not isinstance(condition, Mapping):
        return _json(condition)
    for word, joint in (("all", " and "), ("any", " or ")):
        if isinstance(condition.get(word), list):
            return _joined(condition[word], joint, inside=inside)
    if "not" in condition:
        return f"not ({_part(condition['not'], inside=False)})"
    return _leaf(condition)


def _joined(parts: list[Any], joint: str, *, inside: bool) -> str:
    said = joint.join(_part(part, inside=True) for part in parts) or "always"
    return f"({said})" if inside and len(parts) > 1 else said


def _leaf(leaf: Mapping[str, Any]) -> str:
    operator = next((name for name in leaf if name in OPERATORS), "")
    if not operator:
        return _json(leaf)
    signal, value = str(leaf.get("signal", "")).replace("_", " "), leaf[operator]
    if operator == "exists":
        return f"{signal} is {'there' if value else 'absent'}"
    if value is True or value is False:
        return f"{signal} {OPERATORS[operator]} {'yes' if value else 'no'}"
    if operator == "between" and isinstance(value, list) and len(value) == 2:
        return f"{signal} is between {value[0]} and {value[1]}"
    return f"{signal} {OPERATORS[operator]} {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_value(each) for each in value)
    return f"“{value}”" if isinstance(value, str) else _json(value)


def then(effects: Any) -> list[str]:
    """One sentence for each thing that follows."""
    if not isinstance(effects, Mapping):
        return [_json(effects)]
    said = [_effect(name, value) for name, value in effects.items() if name != "continue"]
    return [*said, *(["then go on with the next rule"] if effects.get("continue") else [])]


def _effect(name: str, value: Any) -> str:
    if name == "set" and isinstance(value, Mapping):
        return ", ".join(_limit(key, each) for key, each in value.items())
    if name == "cache" and isinstance(value, Mapping):
        return "stored answers: " + _pairs(value)
    if name in EFFECTS:
        return EFFECTS[name].format(_names(value))
    return f"{name}: {_pairs(value) if isinstance(value, Mapping) else _json(value)}"


EFFECTS = {
    "use": "ask {}",
    "only": "only {} may answer",
    "avoid": "{} may not answer",
    "deny": "refuse: “{}”",
    "reply": "answer “{}” without a model",
}


def _limit(name: str, value: Any) -> str:
    if name == "locality":
        return "nothing leaves this machine" if value == "local" else "any locality"
    return LIMITS.get(name, f"{name} {{}}").format(value)


def _names(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _pairs(said: Mapping[str, Any]) -> str:
    words = (f"{name.replace('_', ' ')} {_plain(each)}" for name, each in said.items())
    return ", ".join(words)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
