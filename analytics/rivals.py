"""The candidates of a decision as a picture: what spoke for and against each, and why it lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

EXCLUSIONS = {
    "not-allowed": "this key may not use it",
    "rule-only": "a rule names others that may answer",
    "rule-avoid": "a rule keeps it out",
    "drained": "it is being drained: only conversations that it began go there",
    "locality": "the request must stay on this machine",
    "data-class": "it is not cleared for this class of data",
    "region": "it stands in another region",
    "capability": "it lacks something the request needs (tools, JSON schema or images)",
    "context": "the request does not fit into its context window",
    "max-cost": "it could cost more than the request's max cost",
    "min-quality": "its quality is below the request's minimum",
    "max-latency": "it would answer later than the request's max latency",
    "deadline": "it would answer after the deadline",
    "busy": "it was already answering as many requests as it may",
    "budget": "a budget had no room for it",
    "disabled": "it is switched off",
    "failing": "it was failing at that moment",
}
PARTS = {
    "quality": "quality",
    "cost": "cost",
    "miss": "lateness",
    "switch": "leaving the conversation's backend",
    "speed": "waiting for the first content",
}
ORDER = {"ok": 0, "warn": 1, "": 2, "bad": 3}

Verdict = tuple[str, str]
"""Words, and how good that is: `ok`, `warn`, nothing or `bad`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One part of a score, as a bar on the scale that all candidates share; in percent."""

    name: str
    words: str
    value: float
    x: float
    width: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Rival:
    """One candidate of the decision and what became of it."""

    backend: str
    tier: str
    score: float | None
    expected_cost: str
    verdict: str
    outcome: str
    quality: float | None = None
    deviation: float | None = None
    seen: float = 0.0
    p_miss: float | None = None
    propensity: float | None = None
    pieces: Sequence[Piece] = ()
    zero: float = 0.0
    """Where nothing lies on the scale."""
    at: float | None = None
    """Where the score lies."""

    @property
    def told(self) -> str:
        """The picture in words, for who does not see it."""
        said = [f"{piece.words} {piece.value:+.4f}" for piece in self.pieces]
        return ", ".join(said)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    low: float
    high: float

    def place(self, value: float) -> float:
        return round((value - self.low) / (self.high - self.low) * 100, 2)


def told(candidates: Iterable[Mapping[str, Any]], judge: Mapping[str, Verdict]) -> list[Rival]:
    """Those that were tried first, then by score, those that were left out last."""
    rows = list(candidates)
    scale = _scale(rows)
    found = [_rival(each, judge.get(str(each.get("backend")), ("", "")), scale) for each in rows]
    return sorted(found, key=lambda rival: (ORDER[rival.outcome], -(rival.score or 0.0)))


def _scale(rows: Iterable[Mapping[str, Any]]) -> Scale | None:
    """Of those in the running: one that is out may be as dear as it likes."""
    running = [_parts(each) for each in rows if not each.get("excluded")]
    ends = [end for parts in running if parts for end in _ends(parts)]
    if not ends or min(*ends, 0.0) == max(*ends, 0.0):
        return None
    return Scale(low=min(*ends, 0.0), high=max(*ends, 0.0))


def _ends(parts: Mapping[str, float]) -> tuple[float, float]:
    against = sum(value for value in parts.values() if value < 0)
    return against, sum(value for value in parts.values() if value > 0)


def _parts(row: Mapping[str, Any]) -> dict[str, float]:
    given = row.get("parts")
    if not isinstance(given, Mapping):
        return {}
    known = {name: given.get(name) for name in PARTS}
    return {name: float(v) for name, v in known.items() if isinstance(v, int | float) and v}


def _rival(row: Mapping[str, Any], verdict: Verdict, scale: Scale | None) -> Rival:
    excluded = str(row.get("excluded") or "")
    words, outcome = verdict
    if excluded:
        words, outcome = f"Left out: {EXCLUSIONS.get(excluded, excluded)}", "bad"
    score, drawn = _number(row, "score"), scale if scale and not excluded else None
    return Rival(
        backend=str(row.get("backend") or ""),
        tier=str(row.get("tier") or ""),
        score=score,
        expected_cost=str(row.get("expected_cost") or ""),
        verdict=words,
        outcome=outcome,
        quality=_number(row, "quality"),
        deviation=_number(row, "deviation"),
        seen=_number(row, "seen") or 0.0,
        p_miss=_number(row, "p_miss"),
        propensity=_number(row, "propensity"),
        pieces=_pieces(_parts(row), drawn) if drawn else (),
        zero=drawn.place(0.0) if drawn else 0.0,
        at=drawn.place(score) if drawn and score is not None else None,
    )


def _pieces(parts: Mapping[str, float], scale: Scale) -> list[Piece]:
    """What speaks for it lies right of nothing, what speaks against it left, one after another."""
    found, below, above = [], 0.0, 0.0
    for name, value in parts.items():
        start = above if value > 0 else below + value
        above, below = (above + value, below) if value > 0 else (above, below + value)
        x, end = scale.place(start), scale.place(start + abs(value))
        found.append(Piece(name=name, words=PARTS[name], value=value, x=x, width=end - x))
    return found


def _number(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    return float(value) if isinstance(value, int | float) else None
