"""Requests under each SLA, counted hour by hour: again and again for as long as receipts close."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from analytics.models import Exchange, ExchangeState, Feedback, Sla, SlaHour
from analytics.promises import missing
from analytics.promises.burning import Hour
from analytics.promises.values import INTENT, Miss, Promise, Told

HOUR = timedelta(hours=1)
OPEN = timedelta(hours=2)
"""Hours for which receipts may still close: these are counted anew at every turn."""
MARKED = timedelta(days=3)
"""Hours for which people may still say how good answers were; later words change no promise."""
AT_ONCE = 800
"""Hours of one SLA that one turn rolls up: a new one's window of months is caught up in several."""
TOGETHER = 500
"""Receipts that are read at a time."""
OURS = "judge"
"""The tier of what KORA asks itself."""
COLUMNS = ("id", "at", "model_asked", "streamed", "state", "error_code", "tier",
           "first_content_ms", "total_ms")  # fmt: skip
Marks = Mapping[UUID, float]
Marking = Callable[[int, datetime, datetime], Marks]
"""Of a team's answers between two moments, how good each is known to be."""


@dataclass(kw_only=True)
class Tally:
    """What is counted of one hour."""

    requests: int = 0
    counted: Counter[str] = field(default_factory=Counter)
    misses: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)

    def held(self, targets: Iterable[str]) -> None:
        self.requests += 1
        self.counted.update(targets)

    def missed(self, misses: Iterable[Miss]) -> None:
        """What is excused is in no target's figure, neither above nor below."""
        for miss in misses:
            self.causes[miss.cause] += 1
            if miss.charged:
                self.misses[miss.target] += 1
            else:
                self.counted[miss.target] -= 1


def promise_of(sla: Sla) -> Promise:
    return Promise(
        sla_id=sla.pk,
        team_id=sla.team_id,
        name=sla.name,
        route=sla.route,
        ttft_ms=sla.ttft_ms,
        total_ms=sla.total_ms,
        percentile=sla.percentile,
        availability=sla.availability,
        min_quality=sla.min_quality,
        window_days=sla.window_days,
        stricter=sla.stricter,
    )


def heard(team_id: int, begins: datetime, ends: datetime) -> Marks:
    """What callers said themselves, of answers between two moments."""
    asked = Exchange.objects.filter(team_id=team_id, at__gte=begins, at__lt=ends)
    said = Feedback.objects.filter(exchange_id__in=asked.values("id"))
    found = said.values_list("exchange_id", "score", "thumb", "wrong_answer")
    marks = {each: _mark(score, thumb, wrong) for each, score, thumb, wrong in found}
    return {each: mark for each, mark in marks.items() if mark is not None}


def _mark(score: float | None, thumb: int | None, wrong: bool) -> float | None:
    if wrong:
        return 0.0
    return score if score is not None else {1: 1.0, -1: 0.0}.get(thumb or 0)


def roll(promise: Promise, begun: Sequence[datetime], marking: Marking = heard) -> None:
    """Counts hours that follow each other from nothing and writes them over what stood there: safe
    to do twice."""
    tallies = {hour: Tally() for hour in begun}
    begins, ends = begun[0], begun[-1] + HOUR
    marks = marking(promise.team_id, begins, ends) if promise.min_quality is not None else {}
    bad: list[Told] = []
    for told in requests(promise, begins, ends, marks):
        tallies[hour_of(told)].held(missing.held_to(promise, told))
        if missing.names(promise, told):
            bad.append(told)
        if len(bad) >= TOGETHER:
            _blame(promise, tallies, bad)
            bad = []
    _blame(promise, tallies, bad)
    _write(promise, tallies)


def _blame(promise: Promise, tallies: Mapping[datetime, Tally], bad: list[Told]) -> None:
    for told in with_receipts(bad):
        tallies[hour_of(told)].missed(missing.missed(promise, told))


def hour_of(told: Told) -> datetime:
    at = told.at or datetime.min.replace(tzinfo=UTC)
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _write(promise: Promise, tallies: Mapping[datetime, Tally]) -> None:
    now = datetime.now(UTC)
    rows = [
        SlaHour(
            sla_id=promise.sla_id,
            at=hour,
            requests=tally.requests,
            counted=dict(+tally.counted),
            misses=dict(+tally.misses),
            causes=dict(+tally.causes),
            rolled_at=now,
        )
        for hour, tally in tallies.items()
    ]
    SlaHour.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["sla", "at"],
        update_fields=["requests", "counted", "misses", "causes", "rolled_at"],
    )


def requests(
    promise: Promise,
    begins: datetime,
    ends: datetime,
    marks: Marks | None = None,
    *,
    order: str = "at",
) -> Iterator[Told]:
    """Those that fall under it and have ended, without their receipts."""
    rows = _under(promise, begins, ends).order_by(order)
    for row in rows.values_list(*COLUMNS).iterator(2000):
        yield _told(row, (marks or {}).get(row[0]))


def _under(promise: Promise, begins: datetime, ends: datetime) -> QuerySet[Exchange]:
    rows = Exchange.objects.filter(team_id=promise.team_id, at__gte=begins, at__lt=ends)
    rows = rows.exclude(state=ExchangeState.OPEN).exclude(tier=OURS).order_by()
    if promise.route.startswith(INTENT):
        return rows.filter(receipt__intent__intent=promise.route.removeprefix(INTENT))
    return rows.filter(model_asked=promise.route) if promise.route else rows


def _told(row: tuple[Any, ...], quality: float | None) -> Told:
    exchange_id, at, model, streamed, state, code, tier, first_ms, total_ms = row
    return Told(
        exchange_id=exchange_id,
        at=at,
        model=model,
        streamed=streamed,
        state=state,
        error_code=code,
        tier=tier,
        first_content_ms=first_ms,
        total_ms=total_ms,
        quality=quality,
    )


def with_receipts(some: list[Told]) -> Iterator[Told]:
    """Only misses need theirs."""
    for begin in range(0, len(some), TOGETHER):
        part = some[begin : begin + TOGETHER]
        ids = [told.exchange_id for told in part if told.exchange_id]
        known = dict(Exchange.objects.filter(id__in=ids).order_by().values_list("id", "receipt"))
        for told in part:
            yield replace(told, receipt=(told.exchange_id and known.get(told.exchange_id)) or {})


def due(promise: Promise, rolled_to: datetime | None, now: datetime) -> list[datetime]:
    """The hours to be counted now, oldest first."""
    this = now.replace(minute=0, second=0, microsecond=0)
    begins = this - timedelta(days=promise.window_days)
    if rolled_to is not None:
        again = MARKED if promise.min_quality is not None and rolled_to < this else OPEN
        begins = max(begins, min(rolled_to, this - again))
    number = int((this - begins) / HOUR) + 1
    return [begins + HOUR * place for place in range(min(number, AT_ONCE))]


def hours(sla_ids: Iterable[int], since: datetime) -> dict[int, list[Hour]]:
    """By SLA, what was counted since; oldest first."""
    found: dict[int, list[Hour]] = {sla_id: [] for sla_id in sla_ids}
    rows = SlaHour.objects.filter(sla__in=list(found), at__gte=since).order_by("at")
    for row in rows:
        found[row.sla_id].append(
            Hour(
                at=row.at,
                requests=row.requests,
                counted=row.counted,
                misses=row.misses,
                causes=row.causes,
            )
        )
    return found
