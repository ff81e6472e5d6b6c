"""Which teams have calls at each backend, so that its last places are for those that have few.

A backend that is full refuses at once instead of letting wait, so turns cannot be taken there: a
flood would take each place as soon as it is free. As seen by this web process.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

from routing.fairness import places
from routing.fairness.turns import Turn
from routing.policy.values import Backend

FEW = 4
"""Of fewer places none is kept free for anybody."""
OF_ALL: Mapping[str, float] = {"high": 1.0, "normal": 1.0, "low": places.OPEN}
"""How much of a backend each priority may see taken; the last places are not for what is low."""

_lock = threading.Lock()
_held: dict[str, dict[str, int]] = {}
_shares: dict[str, int] = {}
_calls: dict[str, tuple[str, str]] = {}


def began(backend: str, call: str, turn: Turn) -> None:
    with _lock:
        held = _held.setdefault(backend, {})
        held[turn.team] = held.get(turn.team, 0) + 1
        _shares[turn.team] = turn.share
        _calls[call] = (backend, turn.team)


def ended(call: str) -> None:
    with _lock:
        backend, team = _calls.pop(call, ("", ""))
        held = _held.get(backend)
        if held is None:
            return
        held[team] -= 1
        if not held[team]:
            del held[team]


def seen_by(turn: Turn, backends: Sequence[Backend]) -> Sequence[Backend]:
    """Those whose last places are for others are full for this team."""
    return [_full(each) if _is_full_for(turn, each) else each for each in backends]


def _is_full_for(turn: Turn, backend: Backend) -> bool:
    most, taken = backend.max_parallel, backend.in_flight
    if taken < most * places.OPEN or taken >= most or most < FEW:
        return False
    with _lock:
        held = dict(_held.get(backend.name, {}))
        shares = {team: _shares.get(team, 1) for team in held}
    return places.over(turn, held, shares, most, taken=taken, of_all=OF_ALL) > 0


def _full(backend: Backend) -> Backend:
    return replace(backend, in_flight=backend.max_parallel)
