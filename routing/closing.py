"""How requests end in the book: hits, answers, refusals, clients that left."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import structlog

from analytics import ledger
from analytics.values import Outcome
from caching import hits, matching
from caching.question import freshness
from caching.values import Fresh, Match
from routing import (
    afterwards,
    answers,
    choosing,
    connections,
    consequences,
    execution,
    habits,
    limits,
    metrics,
    repeats,
)
from routing.afterwards import Errand
from routing.errors import InvalidRequest, Refusal, TooLarge, Unavailable, UnknownKey
from routing.execution import Spent
from routing.signals import reading
from routing.tries import Try
from routing.way import Room, Way

log = structlog.get_logger(__name__)

UNRECORDED = (InvalidRequest, TooLarge, UnknownKey)
"""Not requests yet: nothing was decided about them, and floods of them must cost nothing."""
RULED = "rule"
"""The tier of what a rule answers itself; nothing of it was ever stored."""
CLIENT_LEFT = 499
CANCELLED = "cancelled"
LATE_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
LATE_AT_MOST = 1000
"""Receipts that wait for Postgres; beyond it they are given up, for memory's sake."""
_late: set[asyncio.Task[None]] = set()


def record_hit(way: Way, match: Match) -> None:
    outcome = Outcome(
        state="answered",
        status=200,
        tier=match.tier,
        backend=match.backend,
        reason=match.reason,
        saved=match.cost,
        prompt_tokens=match.prompt_tokens,
        completion_tokens=match.completion_tokens,
        overhead_ms=way.clock.elapsed_ms,
        first_content_ms=way.clock.elapsed_ms,
        total_ms=way.clock.elapsed_ms,
        receipt={**way.receipt(), **_where_from(match)},
    )
    ledger.record_hit(connections.current(), way.origin, outcome)
    metrics.observe(outcome)
    if match.entry_id is not None:
        hits.note(match.entry_id)


def _where_from(match: Match) -> dict[str, Any]:
    if match.tier == RULED:
        return {}
    age_s = round(match.age_s, 1)
    return {"cache": {"from": str(match.exchange_id), "age_s": age_s, "entry": match.entry_id}}


def share(way: Way, room: Room, match: Match) -> None:
    """What was found for this request serves those as well who wait for the same."""
    if way.flight is not None:
        key, way.flight = way.flight, None
        room.flights.land(key, match)


def close(way: Way, outcome: Outcome, fresh: Fresh | None = None) -> int | None:
    """The receipt, and the answer for those who ask the same again; the latter's entry, if any."""
    entry_id = None
    connection = connections.current()
    unsent = [each.attempt_id for each in way.tries if not each.started_ms]
    if unsent:
        ledger.withdraw(connection, unsent, failure="cancelled")
    if fresh is not None:
        entry_id = way.clock("remember", matching.remember, connection, fresh)
    ledger.close(connection, way.origin, replace(outcome, receipt=way.receipt()))
    metrics.observe(outcome)
    return entry_id


def answered(way: Way, each: Try, spent: Spent) -> Outcome:
    total_ms = way.clock.elapsed_ms
    return Outcome(
        state="answered",
        status=200,
        tier=each.tier,
        backend=each.candidate.backend.name,
        reason=each.reason,
        attempts=len(way.tries),
        prompt_tokens=spent.prompt_tokens,
        completion_tokens=spent.completion_tokens,
        cached_tokens=spent.cached_tokens,
        estimated=spent.estimated,
        overhead_ms=max(0.0, total_ms - waited_ms(way)),
        first_content_ms=each.first_content_ms,
        total_ms=total_ms,
    )


def waited_ms(way: Way) -> float:
    """Time spent in engines; the rest of a request's time is KORA's own."""
    return sum(each.engine_ms + each.waited_ms for each in way.tries)


def _cut_short_ms(way: Way) -> float:
    """What an attempt that was given up took; its engine never said."""
    last = way.tries[-1] if way.tries else None
    if last is None or last.outcome != CANCELLED or not last.started_ms:
        return 0.0
    return max(0.0, way.clock.elapsed_ms - last.started_ms - last.engine_ms)


def fresh_answer(
    way: Way, each: Try, spent: Spent, *, body: answers.Body, chunks: bytes | None = None
) -> Fresh | None:
    """What may be remembered of an answer, unless caller or content forbid it."""
    if not _may_be_kept(way) or not answers.may_be_stored(body):
        return None
    text = reading.question(way.prompt)
    ttl_s = freshness.life_s(text, way.terms.ttl_s)
    if ttl_s <= 0:
        return None
    question = way.question
    return Fresh(
        team_id=way.caller.team_id,
        fingerprint=way.fingerprint,
        model_asked=way.prompt.model,
        backend=each.candidate.backend.name,
        question=(question.text if question else text)[: reading.LONGEST_QUESTION].replace(
            "\0", ""
        ),
        answer=answers.strip(body),
        chunks=chunks,
        prompt_tokens=spent.prompt_tokens,
        completion_tokens=spent.completion_tokens,
        cost=spent.cost,
        exchange_id=way.exchange_id,
        ttl_s=ttl_s,
        scope=way.scope,
        surroundings=question.surroundings if question else "",
        vector=way.vector,
        tags=way.prompt.constraints.tags,
        latency_ms=each.engine_ms,
        near=way.near,
        shell=way.shell.shell,
        turn=way.shell.turn,
        withheld=habits.withheld(way),
    )


def _may_be_kept(way: Way) -> bool:
    kept = way.cascade.get("became") == "kept"  # an answer that no check held up
    return bool(way.scope) and not (way.is_aside or kept) and way.prompt.constraints.may_store


def as_match(fresh: Fresh) -> Match:
    """The answer as those get it who waited for it in flight."""
    return Match(
        tier="exact",
        reason="cache:in-flight",
        backend=fresh.backend,
        answer=fresh.answer,
        chunks=fresh.chunks,
        cost=fresh.cost,
        prompt_tokens=fresh.prompt_tokens,
        completion_tokens=fresh.completion_tokens,
        exchange_id=fresh.exchange_id,
        created_at=datetime.now(UTC),
        age_s=0.0,
    )


async def finish(way: Way, room: Room, outcome: Outcome, fresh: Fresh | None = None) -> None:
    """Closes the book on a request, or does so later while Postgres is away."""
    if outcome.state != "answered":
        await repeats.let_go(way, room)
    try:
        entry_id = await asyncio.shield(execution.in_thread(room, close, way, outcome, fresh))
        if fresh is not None:
            afterwards.soon(room, Errand.NEAR, afterwards.keep(room, fresh, entry_id))
        if consequences.is_worth_it(way, outcome):
            afterwards.soon(room, Errand.OUTCOME, consequences.keep(way, room, outcome))
        if way.place and outcome.state == "answered":
            afterwards.soon(room, Errand.SEAT, _keep_seat(way, room, outcome))
    except (Unavailable, psycopg.Error) as error:
        log.warning("receipt.late", exchange=str(way.exchange_id), error=str(error))
        if len(_late) < LATE_AT_MOST:
            task = asyncio.create_task(_finish_later(way, room, outcome, fresh))
            _late.add(task)
            task.add_done_callback(_late.discard)
    finally:
        land(way, room, fresh)
        await limits.over(way, room)


async def _keep_seat(way: Way, room: Room, outcome: Outcome) -> None:
    """The next turn of this conversation finds its prompt warm at this backend."""
    await execution.in_thread(room, choosing.keep_seat, way, outcome)


async def _finish_later(way: Way, room: Room, outcome: Outcome, fresh: Fresh | None) -> None:
    """Giving up costs a receipt, never money: that is the settlements' business."""
    for pause_s in LATE_PAUSES_S:
        await asyncio.sleep(pause_s)
        with contextlib.suppress(Unavailable, psycopg.Error):
            await execution.in_thread(room, close, way, outcome, fresh)
            return
    log.error("receipt.unwritten", exchange=str(way.exchange_id))


def land(way: Way, room: Room, fresh: Fresh | None) -> None:
    if way.flight is not None:
        key, way.flight = way.flight, None
        room.flights.land(key, as_match(fresh) if fresh else None)


async def refuse(way: Way, room: Room, refusal: Refusal) -> None:
    unknown = way.known_caller is None or way.known_prompt is None
    if unknown or (isinstance(refusal, UNRECORDED) and not way.tries):
        land(way, room, None)
        await repeats.let_go(way, room)
        return
    refusal.headers = {"x-kora-request-id": str(way.exchange_id), **way.limits, **refusal.headers}
    outcome = ended(way, state="failed", status=room.statuses[refusal.code], code=refusal.code)
    await finish(way, room, outcome)


async def cancelled(way: Way, room: Room) -> None:
    if way.known_caller is None or way.known_prompt is None:
        return
    with contextlib.suppress(asyncio.CancelledError):
        await finish(way, room, ended(way, state="cancelled", status=CLIENT_LEFT, code="cancelled"))


def ended(way: Way, *, state: str, status: int, code: str) -> Outcome:
    """How a request without a complete answer stands in the book."""
    last = way.tries[-1] if way.tries else None
    return Outcome(
        state=state,
        status=status,
        error_code=code,
        tier=last.tier if last else "",
        backend=last.candidate.backend.name if last else "",
        reason=last.reason if last else way.ruling.reason,
        attempts=len(way.tries),
        overhead_ms=max(0.0, way.clock.elapsed_ms - waited_ms(way) - _cut_short_ms(way)),
        first_content_ms=last.first_content_ms if last else None,
        total_ms=way.clock.elapsed_ms,
    )
