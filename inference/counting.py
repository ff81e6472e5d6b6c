"""Tokens of a request: a fast estimate without a tokenizer, and a count where one is at hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from inference import pictures, tokens
from inference.words import Body

BYTES_PER_TOKEN = 4
TOKENS_PER_MESSAGE = 4
TOKENS_PER_ANSWER = 3
"""What a chat adds once, so that the model knows it is to answer."""
TOKENS_PER_SOUND = 1100
"""What one attached sound is taken to cost; its base64 must not count as text."""


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


@dataclass(frozen=True, slots=True)
class How:
    """What a count depends on, besides the request: models that agree in it need only one."""

    vocabulary: str
    pictures: pictures.Rule


def vocabulary(model: str) -> How:
    return How(tokens.family(model), pictures.rule(model))


def exactly(body: Body, how: How) -> int | None:
    """By a model's vocabulary, what frames each message included; None: nobody knows it.

    Tools and forms are counted as the JSON that they come as, which is longer than what providers
    make of it.
    """
    found = tokens.count(how.vocabulary, _all_texts(body))
    if found is None:
        return None
    messages = _list(body.get("messages"))
    frames = len(messages) * TOKENS_PER_MESSAGE + (TOKENS_PER_ANSWER if messages else 0)
    return found + frames + _attached(messages, how.pictures) + _numbered(body)


def _all_texts(body: Body) -> Iterable[str]:
    for message in _list(body.get("messages")):
        if isinstance(message, dict):
            yield from _texts_of(message)
    for name in ("prompt", "input"):
        yield from _strings(body.get(name))
    for name in ("tools", "functions", "response_format"):
        if body.get(name):
            yield _dump(body[name]).decode()


def _texts_of(message: Body) -> Iterable[str]:
    content = message.get("content")
    if isinstance(content, str):
        yield content
    for part in _list(content):
        if not isinstance(part, dict):
            yield str(part)
        elif "image_url" not in part and "input_audio" not in part:
            text = part.get("text")
            yield text if isinstance(text, str) else _dump(part).decode()
    if isinstance(message.get("name"), str):
        yield message["name"]
    for name in ("tool_calls", "function_call"):
        if message.get(name):
            yield _dump(message[name]).decode()


def _strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    for item in _list(value):
        yield from _strings(item)


def _numbered(body: Body) -> int:
    """Tokens that come as numbers are counted already."""
    return sum(_numbers(body.get(name)) for name in ("prompt", "input"))


def _numbers(value: Any) -> int:
    items = _list(value)
    if items and isinstance(items[0], int):
        return len(items)
    return sum(map(_numbers, items))


def _attached(messages: list[Any], by: pictures.Rule) -> int:
    parts = [
        part
        for message in messages
        if isinstance(message, dict)
        for part in _list(message.get("content"))
        if isinstance(part, dict)
    ]
    sounds = sum("input_audio" in part for part in parts) * TOKENS_PER_SOUND
    return sounds + sum(pictures.tokens(part, by) for part in parts if "image_url" in part)


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
        return pictures.tokens(part)
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
