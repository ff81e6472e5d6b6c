"""What a stored answer says as text, and the same answer saying something else (pure)."""

from __future__ import annotations

from typing import Any

import orjson

from caching import answers


def text(answer: bytes | memoryview | None) -> str:
    """As people read it; several choices under one another, nothing where vectors were asked."""
    return answers.text(bytes(answer or b"")).replace("\n\0\n", "\n\n")


def rewritten(answer: bytes | memoryview, words: str) -> bytes:
    """One choice that ends normally; what the model had said besides is gone with its words."""
    try:
        whole: dict[str, Any] = orjson.loads(bytes(answer))
    except ValueError:
        whole = {"object": "chat.completion", "created": 0, "model": ""}
    message = {"role": "assistant", "content": words}
    whole["choices"] = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return orjson.dumps(whole)
