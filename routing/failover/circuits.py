"""When a backend rests after failures, and who may try it again (pure; times are seconds)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import orjson

CLOSED, OPEN, HALF_OPEN, RESTING = "closed", "open", "half-open", "resting"
IN_A_ROW = 5
OF_LAST = 20
FIRST_OPEN_S, LONGEST_OPEN_S = 2.0, 15.0
TRIAL_S = 10.0
"""A trial that has said nothing for so long may have died with its process: another may try."""
TRYING_S = 1.0
"""Told to those who come while somebody tries."""
STALE_S = 120.0
"""Outcomes before a pause of so long say little; failures in a row still count."""
GOOD, BAD = ".", "x"


@dataclass(frozen=True, kw_only=True, slots=True)
class Circuit:
    """What all processes know of one backend."""

    version: str = ""
    """Of its settings: a backend that was changed begins anew."""
    name: str = ""
    is_open: bool = False
    row: int = 0
    window: str = ""
    until: float = 0.0
    """Nobody tries it before."""
    open_s: float = 0.0
    opened_at: float = 0.0
    """When it was last well and was not any more."""
    changed_at: float = 0.0
    trial_until: float = 0.0
    rest_until: float = 0.0
    """Its provider has said when it takes calls again."""
    seen_at: float = 0.0
    why: str = ""

    @property
    def clean(self) -> bool:
        """Another success would change nothing."""
        return not (self.is_open or self.row or BAD in self.window)


UNTOUCHED = Circuit()


def state(circuit: Circuit, now: float) -> str:
    if not circuit.is_open:
        return RESTING if now < circuit.rest_until else CLOSED
    return OPEN if now < max(circuit.until, circuit.trial_until) else HALF_OPEN


def retry_s(circuit: Circuit, now: float) -> float:
    """How long until somebody may ask it; zero if at once."""
    if not circuit.is_open:
        return max(0.0, circuit.rest_until - now)
    if now < circuit.until:
        return circuit.until - now
    return TRYING_S if now < circuit.trial_until else 0.0


def failed(circuit: Circuit, why: str, *, began: float, now: float) -> Circuit:
    """Calls from before the last change say nothing of what has become of it since."""
    if began < circuit.changed_at:
        return circuit
    if circuit.is_open:
        return circuit if now < circuit.until else _opened(circuit, why, now)
    circuit = _with_outcome(circuit, BAD, now)
    circuit = replace(circuit, row=circuit.row + 1, why=why)
    many = circuit.window.count(BAD) * 2 >= OF_LAST
    return _opened(circuit, why, now) if circuit.row >= IN_A_ROW or many else circuit


def well(circuit: Circuit, *, began: float, now: float) -> Circuit:
    if began < circuit.changed_at or (circuit.is_open and now < circuit.until):
        return circuit
    if circuit.is_open:
        return _closed(circuit, now)
    return circuit if circuit.clean else replace(_with_outcome(circuit, GOOD, now), row=0)


def limited(circuit: Circuit, rest_s: float, *, began: float, now: float) -> Circuit:
    """It is there, and wants to be left alone for a while."""
    if circuit.is_open and began >= circuit.changed_at and now >= circuit.until:
        circuit = _closed(circuit, now)
    return replace(circuit, rest_until=max(circuit.rest_until, now + rest_s))


def undecided(circuit: Circuit) -> Circuit:
    """A trial that came to nothing, for no fault of the backend: the next may try."""
    return replace(circuit, trial_until=0.0) if circuit.trial_until else circuit


def tried(circuit: Circuit, now: float) -> Circuit:
    """One real request goes through; until it has an outcome nobody else does."""
    return replace(circuit, trial_until=now + TRIAL_S)


def promising(circuit: Circuit, now: float) -> Circuit:
    """A probe that costs nothing was answered: a real request may try at once."""
    return replace(circuit, until=min(circuit.until, now)) if circuit.is_open else circuit


def hopeless(circuit: Circuit, now: float) -> Circuit:
    """A probe that costs nothing failed: no real request is risked for as long as it may rest."""
    if not circuit.is_open or now < circuit.trial_until:
        return circuit
    return replace(circuit, until=max(circuit.until, min(now + 5.0, _latest(circuit))))


def _latest(circuit: Circuit) -> float:
    """Probes may be wrong: twice the longest rest after it was opened somebody tries anyhow."""
    return circuit.changed_at + 2 * LONGEST_OPEN_S


def _opened(circuit: Circuit, why: str, now: float) -> Circuit:
    longer = min(circuit.open_s * 2, LONGEST_OPEN_S) if circuit.is_open else FIRST_OPEN_S
    return replace(
        circuit,
        is_open=True,
        until=now + longer,
        open_s=longer,
        opened_at=circuit.opened_at if circuit.is_open else now,
        changed_at=now,
        trial_until=0.0,
        why=why,
    )


def _closed(circuit: Circuit, now: float) -> Circuit:
    return Circuit(version=circuit.version, name=circuit.name, changed_at=now, seen_at=now)


def _with_outcome(circuit: Circuit, outcome: str, now: float) -> Circuit:
    before = circuit.window if now - circuit.seen_at < STALE_S else ""
    return replace(circuit, window=(before + outcome)[-OF_LAST:], seen_at=now)


def write(circuit: Circuit) -> bytes:
    return orjson.dumps(asdict(circuit))


def read(raw: bytes) -> Circuit:
    """What a process of another release has written may say more, or less."""
    said = orjson.loads(raw)
    return Circuit(**{name: said[name] for name in Circuit.__slots__ if name in said})
