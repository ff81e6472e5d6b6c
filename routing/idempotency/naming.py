"""Reads an `Idempotency-Key`, and tells one request from another (pure)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict

import orjson

from routing.errors import InvalidRequest
from routing.idempotency.values import Named
from routing.questions import Prompt

HEADER = "idempotency-key"
LONGEST = 255
HOW_SOON = ("max_latency_ms", "deadline", "debug")
"""What a retry may say otherwise: it has less time left, and what is answered is the same."""


def named(prompt: Prompt, headers: Mapping[str, str], *, key_id: int) -> Named | None:
    given = headers.get(HEADER)
    if given is None:
        return None
    name = _as_utf8(given)
    if not 0 < len(name) <= LONGEST or not name.isprintable():
        raise InvalidRequest(
            f"'Idempotency-Key' must be printable text of at most {LONGEST} characters.",
            param="Idempotency-Key",
        )
    return Named(key_id=key_id, name=name, digest=digest(prompt))


def digest(prompt: Prompt) -> str:
    """Of all that changes the answer; in whatever order and layout it was written."""
    given = {k: v for k, v in asdict(prompt.constraints).items() if k not in HOW_SOON}
    body = {**prompt.body, "stream": prompt.stream}
    told = {"form": prompt.form, "body": body, "extras": given}
    try:
        plain = orjson.dumps(told, option=orjson.OPT_SORT_KEYS, default=str)
    except (orjson.JSONEncodeError, RecursionError) as error:
        raise InvalidRequest("The body is nested too deeply.") from error
    return hashlib.sha256(plain).hexdigest()


def _as_utf8(value: str) -> str:
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value
