"""What was learned of the backends, in this process's memory; a newer version replaces it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from routing.learning import estimating, keeping
from routing.learning.estimating import Mind
from routing.learning.priors import Known, Tried
from routing.policy.values import Backend

EVERY_S = 1.0
NEWEST = "SELECT max(id) FROM routing_routermind WHERE withdrawn_at IS NULL"
WEIGHTS = "SELECT weights FROM routing_routermind WHERE id = %s"
TRIALS = """
SELECT DISTINCT ON (b.name) b.name, t.scores FROM routing_trial t
  JOIN routing_backend b ON b.id = t.backend_id
 WHERE t.scores <> '{}'::jsonb ORDER BY b.name, t.id DESC
"""

_mind: Mind = estimating.UNTAUGHT
_trials: Mapping[str, Mapping[str, Tried]] = {}
_read_at = 0.0
_known: tuple[Sequence[Backend], tuple[Known, ...]] = ((), ())


def mind() -> Mind:
    return _mind


def known(backends: Sequence[Backend]) -> tuple[Known, ...]:
    """What stands at the backends, put together once for each catalog."""
    global _known
    if _known[0] is not backends:
        made = tuple(
            Known(name=b.name, model=b.model, quality=b.quality, trials=_trials.get(b.name, {}))
            for b in backends
        )
        _known = (backends, made)
    return _known[1]


def look(connection: psycopg.Connection[Any], *, every_s: float = EVERY_S) -> None:
    """Reads the newest version if that was not done of late; the process's watch calls it."""
    global _read_at
    if time.monotonic() - _read_at < every_s and _read_at:
        return
    _take(connection)
    _read_at = time.monotonic()


def _take(connection: psycopg.Connection[Any]) -> None:
    global _mind, _trials, _known
    row = connection.execute(NEWEST).fetchone()
    version = (row and row[0]) or 0
    if version != _mind.version:
        kept = connection.execute(WEIGHTS, (version,)).fetchone()
        _mind = keeping.unpack(bytes(kept[0]), version) if kept else estimating.UNTAUGHT
    trials = {name: _tried(scores) for name, scores in connection.execute(TRIALS).fetchall()}
    if trials != _trials:
        _trials, _known = trials, ((), ())


def _tried(scores: Mapping[str, Mapping[str, float]]) -> dict[str, Tried]:
    return {
        intent: Tried(asked=int(each["asked"]), right=float(each["right"]))
        for intent, each in scores.items()
    }


def forget() -> None:
    global _mind, _trials, _known, _read_at
    _mind, _trials, _known, _read_at = estimating.UNTAUGHT, {}, ((), ()), 0.0
