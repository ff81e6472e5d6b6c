"""Which fields of a request change what an answer says (pure)."""

from __future__ import annotations

from typing import Any

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
