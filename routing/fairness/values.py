"""Limits and turns as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from teams.values import Caller


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """Whose limits: a key's or a team's. None means no limit, 0 nothing at all."""

    whose: str
    number: int
    requests: int | None
    tokens: int | None
    parallel: int | None

    @property
    def names(self) -> tuple[str, str, str]:
        """Where Redis counts requests, tokens and slots of it."""
        start = f"kora:limit:{self.whose}:{self.number}"
        return f"{start}:requests", f"{start}:tokens", f"{start}:slots"

    @property
    def requests_only(self) -> Scope:
        return replace(self, tokens=None, parallel=None)

    @property
    def requests_apart(self) -> Scope:
        return replace(self, requests=None)

    def reserve(self, tokens: int) -> int:
        """A request larger than the limit takes all of it: it goes when nothing else has gone for
        a minute, instead of never."""
        return tokens if self.tokens is None else max(1, min(tokens, self.tokens))


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """What one limit has left, and when all of it is back."""

    whose: str
    limit: int
    remaining: int
    reset_s: float
    slice: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Short:
    """A limit that is reached: whose, of what, and for how long (unknown of slots)."""

    scope: Scope
    of: str
    wait_s: float


@dataclass(kw_only=True, slots=True)
class Taken:
    """What one request has taken of its limits, until it is over."""

    lease: str
    scopes: tuple[Scope, ...]
    wanted: int
    requests: tuple[Left | None, ...]
    tokens: tuple[Left | None, ...]
    refused: Short | None = None
    """Its requests a minute are reached: nothing was taken."""
    short: Short | None = None
    """No model may be asked for it, though a stored answer may serve it."""
    alone: bool = False
    """Redis was away: this process counted for itself."""
    known_by: str = ""
    """What a promise to it is found by when it comes again; empty: it is promised nothing."""
    gave_up: bool = False
    """It was refused for what it is short of: it counts as no request either."""
    is_repeat: bool = False
    """A request that is told what another was: nothing but the request was taken."""
    is_over: bool = False

    @property
    def released(self) -> str:
        """The promise that it needs no longer: something stored served it meanwhile."""
        return self.known_by if self.short is not None and not self.gave_up else ""

    @property
    def has_slots(self) -> bool:
        free = self.refused is None and self.short is None
        return free and any(scope.parallel is not None for scope in self.scopes)

    def as_json(self) -> dict[str, Any]:
        """What the receipt says: what was reserved, and which limit was reached, if any."""
        reached = self.refused or self.short
        return {
            "tokens": self.wanted,
            "of": [scope.whose for scope in self.scopes],
            **({"reached": f"{reached.scope.whose}:{reached.of}"} if reached else {}),
            **({"alone": True} if self.alone else {}),
        }


KINDS = {1: "tokens", 2: "parallel"}


def scopes_of(caller: Caller) -> tuple[Scope, ...]:
    """Those with any limit; most callers have none."""
    key = Scope(
        whose="key",
        number=caller.key_id,
        requests=caller.requests_per_minute,
        tokens=caller.tokens_per_minute,
        parallel=caller.max_parallel,
    )
    team = Scope(
        whose="team",
        number=caller.team_id,
        requests=caller.team_requests_per_minute,
        tokens=caller.team_tokens_per_minute,
        parallel=caller.team_max_parallel,
    )
    return tuple(scope for scope in (key, team) if _limits(scope))


def _limits(scope: Scope) -> bool:
    return not (scope.requests is None and scope.tokens is None and scope.parallel is None)


def asked(scopes: Sequence[Scope], tokens: int) -> list[int]:
    """The limits as the script takes them, with what is to be reserved of each."""
    numbers: list[int] = []
    for scope in scopes:
        for limit in (scope.requests, scope.tokens, scope.parallel):
            numbers.append(-1 if limit is None else limit)
        numbers.append(scope.reserve(tokens))
    return numbers


def read(said: Sequence[int], lease: str, scopes: tuple[Scope, ...], wanted: int) -> Taken:
    """What the script answered."""
    refused_by, refused_ms, short_by, of, short_ms, *each = said
    rows = [each[at : at + 6] for at in range(0, len(each), 6)]
    pairs = list(zip(scopes, rows, strict=True))
    return Taken(
        lease=lease,
        scopes=scopes,
        wanted=wanted,
        requests=tuple(_left(s, s.requests, row[:3]) for s, row in pairs),
        tokens=tuple(_left(s, s.tokens, row[3:]) for s, row in pairs),
        refused=_short(scopes, refused_by, "requests", refused_ms),
        short=_short(scopes, short_by, KINDS.get(of, ""), short_ms),
    )


def _left(scope: Scope, limit: int | None, row: Sequence[int]) -> Left | None:
    if limit is None:
        return None
    remaining, reset_ms, at = row
    return Left(
        whose=scope.whose, limit=limit, remaining=remaining, reset_s=reset_ms / 1000, slice=at
    )


def _short(scopes: Sequence[Scope], by: int, of: str, wait_ms: int) -> Short | None:
    return Short(scope=scopes[by - 1], of=of, wait_s=wait_ms / 1000) if by else None


def new_lease() -> str:
    return uuid4().hex
