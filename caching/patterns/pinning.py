"""Which backend does for a kind of request: the cheapest good one, or what worked (pure)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from caching.patterns import bounds, naming, worth
from caching.patterns.traffic import Demands, Occurrence, Proposal, Traffic

ESCALATED = 0.3
"""How often the first backend must have failed before it is skipped."""
FEWEST_ESCALATED = 20
A_RULE = 0.2
"""Of a team's requests, how many one kind must be before a rule is worth writing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """How one backend did on one kind of request."""

    backend: str
    tried: int
    answered: int
    complained: int
    cost: float
    latency_ms: float

    @property
    def good(self) -> int:
        return self.answered - self.complained

    @property
    def low(self) -> float:
        return bounds.lower(self.good, self.tried)

    def as_json(self) -> dict[str, Any]:
        return {
            "tried": self.tried,
            "answered": self.answered,
            "complained": self.complained,
            "good_low": round(self.low, 4),
            "usd": round(self.cost, 12),
            "ms": round(self.latency_ms, 1),
        }


def records(rows: Sequence[Occurrence]) -> dict[str, Record]:
    answered, failed = defaultdict[str, list[Occurrence]](list), defaultdict[str, int](int)
    for row in rows:
        answered[row.backend].append(row)
        for backend in row.failed:
            failed[backend] += 1
    return {
        backend: _record(backend, answered.get(backend, []), failed[backend])
        for backend in sorted({*answered, *failed})
    }


def _record(backend: str, rows: Sequence[Occurrence], failed: int) -> Record:
    count = max(len(rows), 1)
    return Record(
        backend=backend,
        tried=len(rows) + failed,
        answered=len(rows),
        complained=sum(row.complained for row in rows),
        cost=sum(row.cost for row in rows) / count,
        latency_ms=sum(row.latency_ms for row in rows) / count,
    )


def propose(
    when: Mapping[str, Any], text: str, kind: Traffic, demands: Demands
) -> Iterator[Proposal]:
    """Too little evidence, or nothing to be won, is no proposal."""
    if len(kind.rows) < demands.fewest:
        return
    known = records(kind.rows)
    good = [each for each in known.values() if each.low >= demands.good]
    pin = min(good, key=lambda each: (each.cost, each.backend), default=None)
    if pin is not None and pin.cost <= kind.mean("cost") * (1 - demands.dearer):
        yield _proposal("pin", when, text, _Case(kind=kind, known=known, chosen=pin))
        if kind.requests >= A_RULE * kind.of and _prefix(when):
            yield _proposal("rule", when, text, _Case(kind=kind, known=known, chosen=pin))
        return
    yield from _strategy(when, text, kind, known)


def _strategy(
    when: Mapping[str, Any], text: str, kind: Traffic, known: Mapping[str, Record]
) -> Iterator[Proposal]:
    """Where the first choice keeps failing, what answered in the end is asked at once."""
    escalated = [row for row in kind.rows if row.failed]
    if len(escalated) < max(FEWEST_ESCALATED, ESCALATED * len(kind.rows)):
        return
    best = max(known.values(), key=lambda each: (each.low, -each.cost))
    if any(each.failed and best.backend == each.backend for each in escalated):
        yield _proposal("strategy", when, text, _Case(kind=kind, known=known, chosen=best))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Case:
    kind: Traffic
    known: Mapping[str, Record]
    chosen: Record

    @property
    def escalated(self) -> float:
        return sum(bool(row.failed) for row in self.kind.rows) / len(self.kind.rows)

    def saved(self) -> dict[str, float]:
        calls, kind = self.kind.calls_a_month, self.kind
        return {
            "usd_a_month": round(max(kind.mean("cost") - self.chosen.cost, 0.0) * calls, 6),
            "ms_a_month": round(
                max(kind.mean("latency_ms") - self.chosen.latency_ms, 0.0) * calls, 1
            ),
        }


def _proposal(action: str, when: Mapping[str, Any], text: str, case: _Case) -> Proposal:
    last, chosen = case.kind.rows[-1], case.chosen
    about, around = (
        (text, last.shell) if "prompt" in when else (str(last.intent), last.surroundings)
    )
    low, high = bounds.interval(chosen.good, chosen.tried)
    name = naming.slug(action, text)
    return Proposal(
        action=action,
        name=name,
        key=worth.key(action, around, about),
        surroundings=around,
        recipe={
            "when": when,
            "text": text,
            "backend": chosen.backend,
            "asked": last.asked,
            "prefix": _prefix(when),
            "escalated": round(case.escalated, 4),
            "rule": _rule(name, when, chosen.backend),
        },
        evidence={
            **case.kind.as_json(),
            "backends": {each.backend: each.as_json() for each in case.known.values()},
            "good": {"right": chosen.good, "seen": chosen.tried, "low": low, "high": high},
            **case.saved(),
        },
        samples=case.kind.samples(),
        intent=last.intent,
    )


def _prefix(when: Mapping[str, Any]) -> str:
    """What all these prompts begin with."""
    prompt = when.get("prompt")
    return str(prompt["constants"][0]) if prompt else ""


def _rule(name: str, when: Mapping[str, Any], backend: str) -> dict[str, Any]:
    """As the rules' table takes it, switched off until a person has read it; nothing where only
    vectors tell the kind, for no rule could say that."""
    prefix = _prefix(when)
    if not prefix:
        return {}
    return {
        "name": name,
        "when": {"all": [{"signal": "question", "starts_with": prefix}]},
        "then": {"use": backend},
        "enabled": False,
    }
