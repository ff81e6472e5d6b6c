"""What trying backends out has cost today beyond the best choices, by team: Redis adds it up."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from routing import seats

EVERY_S = 2.0
"""How old the sum of all web processes may be; what this one risks counts at once."""
KEPT_S = 172_800


@dataclass(kw_only=True, slots=True)
class Stake:
    day: str = ""
    known_usd: float = 0.0
    own_usd: float = 0.0
    """Of this process, since what is known was read."""
    read_at: float = 0.0


_lock = threading.Lock()
_stakes: dict[int, Stake] = {}


def left_usd(team_id: int, usd_a_day: float) -> float:
    stake = _of(team_id)
    if time.monotonic() - stake.read_at > EVERY_S or not stake.read_at:
        _read(team_id, stake)
    return usd_a_day - stake.known_usd - stake.own_usd


def risk(team_id: int, usd: float) -> None:
    if usd <= 0:
        return
    stake = _of(team_id)
    with _lock:
        stake.own_usd += usd
    key = _key(team_id, stake.day)
    seats.do("INCRBYFLOAT", key, f"{usd:.12f}")
    seats.do("EXPIRE", key, KEPT_S)


def forget() -> None:
    _stakes.clear()


def _of(team_id: int) -> Stake:
    today = datetime.now(UTC).date().isoformat()
    with _lock:
        stake = _stakes.get(team_id)
        if stake is None or stake.day != today:
            stake = _stakes[team_id] = Stake(day=today)
        return stake


def _read(team_id: int, stake: Stake) -> None:
    """Without Redis what this process knows goes on counting."""
    stake.read_at = time.monotonic()
    said = seats.do("GET", _key(team_id, stake.day))
    if isinstance(said, bytes):
        with _lock:
            stake.known_usd, stake.own_usd = max(float(said), stake.known_usd), 0.0


def _key(team_id: int, day: str) -> str:
    return f"kora:tried:{team_id}:{day}"
