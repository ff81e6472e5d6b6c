"""What makes two requests the same request (pure)."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

IRRELEVANT = frozenset({"stream", "stream_options", "user", "metadata", "store", "service_tier"})
"""Fields that change how an answer travels or is billed, never what it says."""

DEFAULTS: dict[str, Any] = {
    "n": 1,
    "temperature": 1,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logprobs": False,
    "parallel_tool_calls": True,
}


def fingerprint(
    body: dict[str, Any], *, locality: str = "any", min_quality: float | None = None
) -> str:
    """A hash of the question: key order, defaults and one-part texts do not matter."""
    asked = {name: value for name, value in body.items() if matters(name, value)}
    limit = asked.pop("max_completion_tokens", None) or asked.pop("max_tokens", None)
    asked.pop("max_tokens", None)
    asked["messages"] = [plain(message) for message in body.get("messages", ())]
    asked["\0"] = [limit, locality, min_quality]
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()


def matters(name: str, value: Any) -> bool:
    return (
        name not in IRRELEVANT
        and value is not None
        and not (name in DEFAULTS and DEFAULTS[name] == value)
    )


def plain(message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    if isinstance(content, list) and len(content) == 1 and content[0].get("type") == "text":
        return {**message, "content": content[0].get("text")}
    return message
