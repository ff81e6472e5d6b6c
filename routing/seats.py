"""Where conversations sit: which backend answered the last turn, kept in Redis for a while."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import Any

import orjson
import structlog
from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from routing.policy.values import NOWHERE, Seat
from routing.questions import Prompt

log = structlog.get_logger(__name__)

PATIENCE_S = 0.05
"""No request waits longer for this: without it, it is only decided as if it were the first."""
AWAY_S = 2.0
"""For so long Redis is not asked again after it did not answer."""
ANSWERS = frozenset({"tool", "function"})
BEFORE_THE_USER = frozenset({"system", "developer"})
_lock = threading.Lock()
_redis: Redis | None = None
_away_until = 0.0


def place(team_id: int, prompt: Prompt) -> str:
    """The key of this conversation; empty where it is none, or may not become one."""
    session, body = prompt.constraints.session, prompt.body
    if prompt.form != "chat":
        return ""
    if session:
        return f"kora:seat:{team_id}:s:{_hash(session.encode())}"
    if not (prompt.wants_tools or has_turns(prompt)):
        return ""
    return f"kora:seat:{team_id}:b:{_hash(beginning(body['messages']))}"


def beginning(messages: list[dict[str, Any]]) -> bytes:
    """System text and the first words of the user: what stays as a conversation goes on."""
    first = next((i for i, m in enumerate(messages) if m["role"] not in BEFORE_THE_USER), 0)
    return orjson.dumps(messages[: first + 1])


def has_turns(prompt: Prompt) -> bool:
    """Somebody has answered before."""
    return any(message["role"] not in BEFORE_THE_USER for message in prompt.messages[:-1])


def in_loop(prompt: Prompt) -> bool:
    """It brings what tools returned, or leaves calls open: whoever called goes on."""
    if prompt.form != "chat":
        return False
    last = prompt.messages[-1]
    return last["role"] in ANSWERS or bool(last.get("tool_calls"))


def find(key: str, prompt: Prompt) -> Seat:
    """Of a conversation that goes on; nothing where nobody remembers it."""
    if not key or not (prompt.constraints.session or has_turns(prompt)):
        return NOWHERE
    said = _ask(key)
    if said is None:
        return NOWHERE
    tokens, _, rest = said.partition(" ")
    begun, _, backend = rest.partition(" ")
    warm = tokens.isdecimal() and begun == _begun(prompt)
    return Seat(backend=backend, tokens=int(tokens) if warm else 0, in_loop=in_loop(prompt))


def remember(key: str, prompt: Prompt, *, backend: str, tokens: int, minutes: float) -> None:
    """Once it was answered; a loss is only a colder prompt."""
    words = f"{tokens} {_begun(prompt)} {backend}"
    do("SET", key, words, "EX", max(1, int(minutes * 60)))


def forget() -> None:
    """A new connection for the next one."""
    global _redis, _away_until
    with _lock:
        gone, _redis, _away_until = _redis, None, 0.0
    if gone is not None:
        gone.close()


def _begun(prompt: Prompt) -> str:
    """Tokens are warm where the very conversation goes on; a session may hold several."""
    return _hash(beginning(prompt.body["messages"]))[:12]


def _ask(key: str) -> str | None:
    said = do("GET", key)
    return said.decode() if isinstance(said, bytes) else None


def do(*command: Any) -> Any:
    """None where Redis is away, at once while it is."""
    global _away_until
    if time.monotonic() < _away_until:
        return None
    try:
        return _connected().execute_command(*command)  # type: ignore[no-untyped-call]
    except (RedisError, OSError) as error:
        _away_until = time.monotonic() + AWAY_S
        log.warning("seats.away", error=str(error))
        return None


def _connected() -> Redis:
    global _redis
    with _lock:
        if _redis is None:
            _redis = Redis.from_url(
                settings.SERVICES.redis_url,
                socket_timeout=PATIENCE_S,
                socket_connect_timeout=PATIENCE_S,
            )
        return _redis


def _hash(text: bytes) -> str:
    return hashlib.blake2b(text, digest_size=16).hexdigest()
