"""The limits of a request: what its key and team may, and what this process has room for.

Requests are counted when they come. Tokens and slots matter only to those that need a model, so
whatever is stored is served first: `look` notes that a limit is reached, `enter` refuses for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings

from routing import steps
from routing.errors import RateLimited, Refusal, UnknownKey
from routing.fairness import durations, values
from routing.fairness.turns import Turn
from routing.fairness.values import Left, Short, Taken
from routing.idempotency import naming
from teams import keys
from teams.errors import InvalidKey
from teams.values import Caller

if TYPE_CHECKING:
    from routing.way import Incoming, Room, Way

USUAL_OUTPUT = 1200
"""Tokens reserved for an answer whose caller names no bound; nine of ten are shorter."""
STRANGERS = Turn(team="?")
"""Of keys that this process has not met, one turn for all together: floods of keys that do not
exist wait behind each other, not before anybody else."""
NEVER = " Coming again does not help until that limit is raised."
ANSWERED = "answered"
CANCELLED = "cancelled"
ONLY_STORED = "only"
LOW = "low"
WORDS = {
    "requests": "may make {limit} requests a minute",
    "tokens": "may use {limit} tokens a minute",
    "parallel": "may have {limit} requests running at once",
}


# The first step


async def first(incoming: Incoming, room: Room, work: Any, *args: Any) -> Any:
    """A request's first step in a thread, when its team's turn has come."""
    return await room.hands.admit(turn_of(incoming), steps.guarded, work, args)


def turn_of(incoming: Incoming) -> Turn:
    """By its key, without a query: one that this process has not met yet waits among strangers, and
    what is no key is refused before it costs a thread anything."""
    kind, _, text = incoming.headers.get("authorization", "").partition(" ")
    try:
        known = keys.met(text.strip() if kind.lower() == "bearer" else "")
    except InvalidKey as error:
        raise UnknownKey from error
    return STRANGERS if known is None else _turn(known)


def turn(way: Way) -> Turn:
    """What nobody waits for goes behind everybody."""
    mine = _turn(way.caller)
    return replace(mine, priority=LOW) if way.is_unhurried else mine


def _turn(caller: Caller) -> Turn:
    return Turn(team=str(caller.team_id), share=caller.share, priority=caller.priority)


# What key and team may


def look(way: Way, room: Room) -> None:
    """Counts one request; whether a model may be asked for it is asked at the same time."""
    scopes, before = values.scopes_of(way.caller), way.taken_of_limits
    if before is not None and before.is_repeat:
        _take_rest(way, room, before)
    elif scopes and before is None:
        _take(way, room, room.meter.admit(scopes, _tokens(way), _known_by(way)))


def repeat(way: Way, room: Room) -> None:
    """Whoever asks again, or waits for the first of its key, makes a request; what a model would
    need is not taken, for it needs none."""
    scopes = [each.requests_only for each in values.scopes_of(way.caller)]
    asked = tuple(each for each in scopes if each.requests is not None)
    if asked and way.taken_of_limits is None:
        taken = room.meter.admit(asked, 0, _known_by(way))
        taken.is_repeat = True
        _take(way, room, taken)


def _take_rest(way: Way, room: Room, before: Taken) -> None:
    """It has become the first: tokens and slots as for any, but it is counted already."""
    scopes = tuple(each.requests_apart for each in values.scopes_of(way.caller))
    taken = room.meter.admit(scopes, _tokens(way), _known_by(way))
    counted = dict(zip((each.whose for each in before.scopes), before.requests, strict=True))
    taken.requests = tuple(counted.get(each.whose) for each in scopes)
    _take(way, room, taken)


def _take(way: Way, room: Room, taken: Taken) -> None:
    way.taken_of_limits = taken
    way.limits = headers(taken)
    if taken.refused is not None:
        raise _refusal(taken.refused, room)


def _known_by(way: Way) -> str:
    """Clients that come again send the same bytes; of twins, whoever names itself is told apart."""
    came = way.incoming
    words = f"{way.caller.key_id} {came.headers.get(naming.HEADER, '')} {came.form} "
    return hashlib.blake2b(words.encode() + came.raw, digest_size=12).hexdigest()


def _tokens(way: Way) -> int:
    """What it is expected to read and may write at the most, unless it says nothing of that."""
    prompt = way.prompt
    if prompt.inputs:
        return way.signals.prompt_tokens
    return way.signals.prompt_tokens + (prompt.max_tokens or USUAL_OUTPUT) * prompt.choices


def enter(way: Way, room: Room) -> None:
    """From here on a model is needed: its key's and team's tokens and slots, and a place here."""
    taken = way.taken_of_limits
    if way.prompt.constraints.cache == ONLY_STORED:
        return
    if taken is not None and taken.short is not None:
        taken.gave_up = True
        raise _refusal(taken.short, room)
    if way.entered_at is None:
        room.floor.enter(_turn(way.caller), settings.KORA_IN_FLIGHT_LIMIT)
        way.entered_at = time.monotonic()


def _refusal(short: Short, room: Room) -> Refusal:
    scope, words = short.scope, WORDS[short.of]
    limit = getattr(scope, short.of)
    wait_s = short.wait_s or room.floor.hold_s / max(1, limit) if limit > 0 else None
    said = f"This {scope.whose} {words.format(limit=limit)}."
    said += "" if limit > 0 else NEVER
    return RateLimited(said, retry_after_s=wait_s, limit=limit, limited=f"{scope.whose}:{short.of}")


# The end


async def over(way: Way, room: Room) -> None:
    """Gives back what the request held and corrects what it used; only the first call counts."""
    entered_at, way.entered_at = way.entered_at, None
    if entered_at is not None:
        room.floor.leave(_turn(way.caller), time.monotonic() - entered_at)
    taken = way.taken_of_limits
    if taken is None or taken.is_over or taken.refused is not None:
        return
    taken.is_over = True
    used = _used(way, taken)
    way.limits = headers(taken, used=used)
    await asyncio.shield(room.meter.settle(room.switchboard.redis, taken, _changes(taken, used)))


def _used(way: Way, taken: Taken) -> int:
    """Tokens that models read and wrote; where nobody knows, what was reserved stays."""
    known = sum(each.tokens for each in way.tries)
    left = any(each.outcome == CANCELLED and each.worker for each in way.tries)
    billed = any(each.outcome != ANSWERED and Decimal(each.cost) > 0 for each in way.tries)
    return max(known, taken.wanted) if left or (billed and not known) else known


def _changes(taken: Taken, used: int) -> list[int]:
    """Of each scope: its requests, if none was let through, and its tokens."""
    changes: list[int] = []
    for scope, requests, tokens in zip(taken.scopes, taken.requests, taken.tokens, strict=True):
        back = -1 if taken.gave_up and requests is not None else 0
        changes += [requests.slice if requests else 0, back]
        corrected = used - scope.reserve(taken.wanted) if tokens and taken.short is None else 0
        changes += [tokens.slice if tokens else 0, corrected]
    return changes


# Words


def headers(taken: Taken, used: int | None = None) -> dict[str, str]:
    """OpenAI's, of the scope that has the least left."""
    found: dict[str, str] = {}
    for name, lefts in (("requests", taken.requests), ("tokens", _after(taken, used))):
        tightest = min(_there(lefts), key=lambda left: left.remaining, default=None)
        if tightest is not None:
            found[f"x-ratelimit-limit-{name}"] = str(tightest.limit)
            found[f"x-ratelimit-remaining-{name}"] = str(max(0, tightest.remaining))
            found[f"x-ratelimit-reset-{name}"] = durations.written(tightest.reset_s)
    return found


def _there(lefts: Iterable[Left | None]) -> list[Left]:
    return [left for left in lefts if left is not None]


def _after(taken: Taken, used: int | None) -> list[Left | None]:
    """What is left of the tokens once those that were used are known."""
    if used is None or taken.short is not None:
        return list(taken.tokens)
    return [
        left and _with(left, scope.reserve(taken.wanted) - used)
        for scope, left in zip(taken.scopes, taken.tokens, strict=True)
    ]


def _with(left: Left, more: int) -> Left:
    return Left(
        whose=left.whose,
        limit=left.limit,
        remaining=min(left.limit, left.remaining + more),
        reset_s=left.reset_s,
        slice=left.slice,
    )
