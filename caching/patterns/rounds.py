"""The background's rounds: whose turn it is to be mined, and what stands to be watched."""

from __future__ import annotations

import threading
import time

import structlog
from django.db import InterfaceError, OperationalError
from django.db.models import Q

from caching import intents
from caching.models import Pattern
from caching.patterns import lifecycle, mining, watching

log = structlog.get_logger(__name__)

REST_S = 900.0
"""A team whose traffic has hardly grown is looked at again after so long."""
GROWN = 25
_turn = threading.Lock()
_mined: dict[int, tuple[float, int]] = {}
"""By team, when it was mined last and its newest answer then; forgotten with the process, which
only means that all are looked at once more."""


def mine(*, turn_s: float) -> int:
    """Those that waited longest come first; how many teams had their turn."""
    if not _turn.acquire(blocking=False):
        return 0
    try:
        return _mine(time.monotonic() + turn_s)
    finally:
        _turn.release()


def _mine(ends_at: float) -> int:
    done = 0
    for team_id, newest in sorted(mining.teams().items(), key=lambda each: _last(each[0])):
        if time.monotonic() > ends_at:
            break
        if _is_due(team_id, newest):
            done += _mined_well(team_id, newest)
    return done


def _last(team_id: int) -> float:
    return _mined.get(team_id, (0.0, 0))[0]


def _is_due(team_id: int, newest: int) -> bool:
    if team_id not in _mined:
        return True
    at, seen = _mined[team_id]
    return newest - seen >= GROWN or (newest != seen and time.monotonic() - at > REST_S)


def _mined_well(team_id: int, newest: int) -> bool:
    """One team's traffic must not keep the others from being looked at."""
    _mined[team_id] = (time.monotonic(), newest)
    try:
        intents.gather(team_id)
        found = mining.mine(team_id)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("patterns.mining_failed", team=team_id)
        return False
    log.info("patterns.mined", team=team_id, found=len(found))
    return True


def watch() -> int:
    """Decides comparisons, counts receipts, carries out what is due; how many patterns moved."""
    watching.decide()
    moved = 0
    for team_id in _watched():
        watching.count(team_id)
        moved += watching.move(team_id)
    return moved


def _watched() -> list[int]:
    due = watching.served_of_late() | Q(state=lifecycle.PROPOSED)
    rows = Pattern.objects.filter(due).order_by("team_id")
    return list(rows.values_list("team_id", flat=True).distinct())
