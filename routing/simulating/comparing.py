"""What was done beside what would be done, request by request (pure)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from routing.simulating import replaying
from routing.simulating.records import Record
from routing.simulating.replaying import DECIDED, INFEASIBLE, REFUSED, SAME, Replayed

NOBODY = ""
UNKNOWN = math.nan
STATED = (REFUSED, INFEASIBLE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """One backend's part in what would be done."""

    backend: str
    chance: float
    was: float
    """How likely it was to be asked then."""
    quality: float
    deviation: float
    usd: float
    late: float
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One request that both policies say something about."""

    exchange_id: UUID
    at: datetime
    team: str
    before: str
    """The backend that was asked first, or how it ended without one."""
    after: str
    why: str
    usd: float
    seconds: float
    late: float
    """1 where it came after the deadline, else 0."""
    reward: float
    """What it was worth, where somebody said; else not a number."""
    weight: float = 1.0
    """How much likelier what was done would be."""
    moved: float = 0.0
    """The chance that something else would be done."""
    done: Share | None = None
    """What was expected of the backend that was asked."""
    shares: tuple[Share, ...] = field(default=())

    @property
    def was_asked(self) -> bool:
        return self.done is not None

    @property
    def is_asked(self) -> bool:
        return bool(self.shares)

    @property
    def supported(self) -> float:
        return sum(share.chance for share in self.shares if share.was > 0)

    @property
    def is_refused(self) -> bool:
        return self.after in STATED

    @property
    def was_refused(self) -> bool:
        return self.before in STATED


def line(record: Record, again: Replayed, reward: float | None) -> Line:
    if again.kind == SAME:
        return _same(record, reward)
    chances = record.chances if record.was_decided else {}
    done = _done(record, again, chances)
    return Line(
        exchange_id=record.exchange_id,
        at=record.at,
        team=record.team,
        before=record.tried if record.was_decided else _end(record),
        after=again.first if again.kind == DECIDED else again.kind,
        why=again.why,
        usd=record.usd,
        seconds=record.total_s,
        late=float(record.total_s > again.late_after_s) if again.late_after_s else 0.0,
        reward=UNKNOWN if reward is None else reward,
        weight=_weight(record.tried, again.chances, chances),
        moved=_moved(record, again, chances),
        done=done,
        shares=_shares(again, chances),
    )


def _same(record: Record, reward: float | None) -> Line:
    place = record.tried or _end(record)
    return Line(
        exchange_id=record.exchange_id,
        at=record.at,
        team=record.team,
        before=place,
        after=place,
        why="",
        usd=record.usd,
        seconds=record.total_s,
        late=0.0,
        reward=UNKNOWN if reward is None else reward,
    )


def _end(record: Record) -> str:
    """How it ended without a backend."""
    if record.was_infeasible:
        return INFEASIBLE
    if record.was_ruled:
        return replaying.ANSWERED if record.tier == "rule" else REFUSED
    return record.tier or record.state


def _done(record: Record, again: Replayed, chances: Mapping[str, float]) -> Share | None:
    if not record.was_decided:
        return None
    known = again.expected.get(record.tried)
    said = record.candidates.get(record.tried, {})
    return Share(
        backend=record.tried,
        chance=again.chances.get(record.tried, 0.0),
        was=chances.get(record.tried, 0.0),
        quality=known.quality if known else float(said.get("quality", 0.5)),
        deviation=known.deviation if known else float(said.get("deviation", 0.25)),
        usd=known.usd if known else float(said.get("expected_cost", record.usd)),
        late=known.late if known else float(said.get("p_miss", 0.0)),
        seconds=known.seconds if known else record.total_s,
    )


def _shares(again: Replayed, chances: Mapping[str, float]) -> tuple[Share, ...]:
    return tuple(
        Share(
            backend=name,
            chance=chance,
            was=chances.get(name, 0.0),
            quality=again.expected[name].quality,
            deviation=again.expected[name].deviation,
            usd=again.expected[name].usd,
            late=again.expected[name].late,
            seconds=again.expected[name].seconds,
        )
        for name, chance in again.chances.items()
    )


def _weight(tried: str, now: Mapping[str, float], then: Mapping[str, float]) -> float:
    was = then.get(tried, 0.0)
    return now.get(tried, 0.0) / was if was > 0 else 0.0


def _moved(record: Record, again: Replayed, chances: Mapping[str, float]) -> float:
    """Half the distance between what could have been done and what could be: none where both draw
    by the same chances."""
    if again.kind != DECIDED:
        return float(_end(record) != again.kind or record.was_decided)
    if not record.was_decided:
        return 1.0
    names = {*again.chances, *chances}
    apart = sum(abs(again.chances.get(name, 0.0) - chances.get(name, 0.0)) for name in names) / 2
    return apart if apart > 1e-6 else 0.0
