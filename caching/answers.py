"""What a stored answer says, and whether two say the same word for word (pure)."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Any

import orjson

CLASS_BYTES = 16
UNREAD = b""
"""The class of an answer without words: it is like no other."""
_SPACE = re.compile(r"\s+")
_TYPED = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2026": "..."}
)
_ENDS = " .!\n\t"


def text(body: bytes) -> str:
    """The assistant's words in all choices, chat or completion; empty where there are none."""
    try:
        choices = orjson.loads(body)["choices"]
        return "\n\0\n".join(filter(None, (_words(choice) for choice in choices)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def normalised(words: str) -> str:
    """Case, width, spacing, kinds of quotes and the last full stop make no other answer."""
    plain = unicodedata.normalize("NFKC", words).translate(_TYPED).casefold()
    return _SPACE.sub(" ", plain).strip(_ENDS)


def class_of(body: bytes) -> bytes:
    words = normalised(text(body))
    return hashlib.blake2b(words.encode(), digest_size=CLASS_BYTES).digest() if words else UNREAD


def _words(choice: dict[str, Any]) -> str:
    message = choice.get("message")
    said = message.get("content") if isinstance(message, dict) else choice.get("text")
    return said if isinstance(said, str) else _parts(said)


def _parts(said: Any) -> str:
    """Some servers answer in parts, as prompts may be written."""
    return "".join(str(part.get("text") or "") for part in said or ())
