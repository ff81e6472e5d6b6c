"""What makes two requests the same request (pure)."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from caching.question import fields


def fingerprint(
    body: dict[str, Any], *, locality: str = "any", min_quality: float | None = None
) -> str:
    """A hash of the question: key order, defaults and one-part texts do not matter."""
    asked = {name: value for name, value in body.items() if fields.matters(name, value)}
    limit = asked.pop("max_completion_tokens", None) or asked.pop("max_tokens", None)
    asked.pop("max_tokens", None)
    asked["messages"] = [fields.plain(message) for message in body.get("messages", ())]
    asked["\0"] = [limit, locality, min_quality]
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()
