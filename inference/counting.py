"""Tokens without a tokenizer: a fast estimate for holds, and for backends that report no usage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from inference.words import Body

BYTES_PER_TOKEN = 4
TOKENS_PER_MESSAGE = 4
TOKENS_PER_PICTURE = 1100
TOKENS_PER_SOUND = 1100
"""What one attached picture or sound is taken to cost; its base64 must not count as text."""


def count(text: str) -> int:
    """One token for every four bytes of UTF-8, begun ones included; not only English has weight."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return -(-size // BYTES_PER_TOKEN)


def estimate_tokens(body: Body) -> int:
    """What a prompt of /v1/chat/completions, /v1/completions or /v1/embeddings will count."""
    total = sum(_message(message) for message in _list(body.get("messages")))
    total += _input(body.get("prompt")) + _input(body.get("input"))
    total += sum(_dumped(body.get(extra)) for extra in ("tools", "functions"))
    return max(total + estimate_format(body), 1)


def estimate_format(body: Body) -> int:
    """The part of it that says which form the answer shall have."""
    return _dumped(body.get("response_format"))


def estimate_completion(body: Body) -> int:
    """What an answer (`chat.completion`) that reports no usage has cost."""
    return sum(count(text) for choice in _list(body.get("choices")) for text in _texts(choice))


def _texts(choice: Any) -> Iterable[str]:
    message = choice.get("message") if isinstance(choice, dict) else None
    return written(message) if isinstance(message, dict) else ()


def written(message: Body) -> Iterable[str]:
    """Every text a model wrote in a message or in a delta of one."""
    for name in ("content", "reasoning_content", "refusal"):
        if isinstance(text := message.get(name), str):
            yield text
    for called in message.get("tool_calls") or ():
        function = called.get("function") if isinstance(called, dict) else None
        if isinstance(function, dict):
            yield str(function.get("name") or "")
            yield str(function.get("arguments") or "")


def _message(message: Any) -> int:
    if not isinstance(message, dict):
        return TOKENS_PER_MESSAGE
    total = TOKENS_PER_MESSAGE + _content(message.get("content"))
    if message.get("tool_calls"):
        total += len(_dump(message["tool_calls"])) // BYTES_PER_TOKEN
    return total


def _content(content: Any) -> int:
    if isinstance(content, str):
        return count(content)
    return sum(_part(part) for part in _list(content))


def _part(part: Any) -> int:
    if not isinstance(part, dict):
        return count(str(part))
    if "image_url" in part:
        return TOKENS_PER_PICTURE
    if "input_audio" in part:
        return TOKENS_PER_SOUND
    text = part.get("text")
    return count(text) if isinstance(text, str) else len(_dump(part)) // BYTES_PER_TOKEN


def _input(value: Any) -> int:
    """A text, a list of texts, a list of token numbers, or a list of those."""
    if isinstance(value, str):
        return count(value)
    items = _list(value)
    if items and isinstance(items[0], int):
        return len(items)
    return sum(_input(item) for item in items)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dumped(value: Any) -> int:
    return len(_dump(value)) // BYTES_PER_TOKEN if value else 0


def _dump(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except (TypeError, ValueError):  # a lone surrogate, an integer beyond 64 bits
        return repr(value).encode("utf-8", "replace")
