"""Requests and tokens a minute for each key, counted in this web process."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from routing.errors import RateLimited
from teams.values import Caller

MINUTE_S = 60.0


@dataclass(slots=True)
class Minute:
    began: float
    requests: int = 0
    tokens: int = 0


_lock = threading.Lock()
_minutes: dict[int, Minute] = {}


def take(caller: Caller, tokens: int) -> dict[str, str]:
    """Counts one request and says what is left, in OpenAI's header names."""
    if caller.requests_per_minute is None and caller.tokens_per_minute is None:
        return {}
    with _lock:
        minute = _minute(caller.key_id)
        resets_s = max(0.0, minute.began + MINUTE_S - time.monotonic())
        _refuse(caller, minute, tokens, resets_s)
        minute.requests += 1
        minute.tokens += tokens
        return _headers(caller, minute, resets_s)


def _minute(key_id: int) -> Minute:
    now = time.monotonic()
    minute = _minutes.get(key_id)
    if minute is None or now - minute.began >= MINUTE_S:
        minute = _minutes[key_id] = Minute(began=now)
    return minute


def _refuse(caller: Caller, minute: Minute, tokens: int, resets_s: float) -> None:
    most_requests, most_tokens = caller.requests_per_minute, caller.tokens_per_minute
    words = ""
    if most_requests is not None and minute.requests >= most_requests:
        words = f"This key may make {most_requests} requests a minute."
    elif most_tokens is not None and minute.tokens + tokens > most_tokens:
        words = f"This key may use {most_tokens} tokens a minute."
    if words:
        headers = _headers(caller, minute, resets_s)
        raise RateLimited(words, retry_after_s=resets_s, headers=headers)


def _headers(caller: Caller, minute: Minute, resets_s: float) -> dict[str, str]:
    used = {"requests": minute.requests, "tokens": minute.tokens}
    most = {"requests": caller.requests_per_minute, "tokens": caller.tokens_per_minute}
    headers: dict[str, str] = {}
    for name, limit in most.items():
        if limit is not None:
            headers[f"x-ratelimit-limit-{name}"] = str(limit)
            headers[f"x-ratelimit-remaining-{name}"] = str(max(0, limit - used[name]))
            headers[f"x-ratelimit-reset-{name}"] = f"{resets_s:.3f}s"
    return headers
