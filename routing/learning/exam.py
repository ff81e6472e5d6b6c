"""KORA's own questions: what a new backend is asked before it has had traffic (pure).

A few short ones for each task type, each with an answer that a program can check. They rank no
models of the world; they tell one that cannot do a kind of work from one that can.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WRITTEN = Path(__file__).with_name("exam.json")
MOST_TOKENS = 400
_FENCE = re.compile(r"^```[a-z]*\n(.*?)\n?```$", re.DOTALL)
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    intent: str
    ask: str
    check: str
    """The name of one of CHECKS."""
    wanted: Any
    tools: tuple[Mapping[str, Any], ...] = field(default=())


def questions() -> tuple[Question, ...]:
    """In turns of the intents, so that a trial that ends early has asked a little of each."""
    told: Mapping[str, list[Mapping[str, Any]]] = json.loads(WRITTEN.read_text(encoding="utf-8"))
    longest = max(len(each) for each in told.values())
    return tuple(
        Question(intent=intent, **each[number], tools=TOOLS if intent == "tool-use" else ())
        for number in range(longest)
        for intent, each in told.items()
        if number < len(each)
    )


def _tool(name: str, *needed: str) -> Mapping[str, Any]:
    properties = {each: {"type": "string"} for each in needed}
    parameters = {"type": "object", "properties": properties, "required": list(needed)}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


TOOLS = (
    _tool("weather", "city"),
    _tool("send_mail", "to", "subject"),
    _tool("search_orders", "number"),
    _tool("set_timer", "minutes"),
)


def right(question: Question, message: Mapping[str, Any]) -> bool:
    """Whether a message answers it; what cannot be read is wrong."""
    if question.check == "tool":
        return _calls(message, question.wanted)
    text = message.get("content")
    return isinstance(text, str) and CHECKS[question.check](_plain(text), question.wanted)


def _plain(text: str) -> str:
    fenced = _FENCE.match(text.strip())
    return (fenced.group(1) if fenced else text).strip()


def _exact(text: str, wanted: Any) -> bool:
    return text.strip(" .!\"'\n*").casefold() == str(wanted).casefold()


def _contains(text: str, wanted: Any) -> bool:
    """All of them, or of a list within the list at least one."""
    said = text.casefold()
    groups = wanted if isinstance(wanted, list) else [wanted]
    return all(
        any(str(one).casefold() in said for one in (each if isinstance(each, list) else [each]))
        for each in groups
    )


def _matches(text: str, wanted: Any) -> bool:
    return re.search(str(wanted), text, re.IGNORECASE | re.DOTALL) is not None


def _is_json(text: str, wanted: Any) -> bool:
    try:
        return bool(json.loads(text) == wanted)
    except ValueError:
        return False


def _number(text: str, wanted: Any) -> bool:
    """The last number that was said is the answer."""
    said = _NUMBER.findall(text)
    return bool(said) and abs(float(said[-1].replace(",", "")) - float(wanted)) < 1e-6


def _calls(message: Mapping[str, Any], wanted: Any) -> bool:
    calls = message.get("tool_calls") or []
    try:
        call = calls[0]["function"]
        given = {k: str(v) for k, v in json.loads(call["arguments"]).items()}
    except (LookupError, TypeError, ValueError, AttributeError):
        return False
    wanted_args = wanted["arguments"].items()
    return call["name"] == wanted["name"] and all(
        str(value).casefold() in given.get(name, "").casefold() for name, value in wanted_args
    )


CHECKS: Mapping[str, Callable[[str, Any], bool]] = {
    "exact": _exact,
    "contains": _contains,
    "matches": _matches,
    "json": _is_json,
    "number": _number,
}
