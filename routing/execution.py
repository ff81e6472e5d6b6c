"""Carries a plan out: one backend after the other until content comes, inside one deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg

from analytics import ledger
from routing import connections, deadlines, embeddings, papers, stages, vitals
from routing.bus import Event
from routing.errors import (
    DeadlineExceeded,
    InvalidRequest,
    QueueFull,
    Refusal,
    Unavailable,
    UpstreamFailed,
)
from routing.policy import eligibility
from routing.policy.values import Candidate
from routing.switchboard import Line, Mailbox
from routing.way import Planned, Room, Try, Way

HOPELESS = frozenset({"client", "policy"})
"""No other backend would take it either: the client has to change the request."""
BUS = frozenset({"bus"})
OURS = frozenset({"worker", "unclaimed", "withdrawn", "no-worker", "bus"})
"""KORA itself failed, not the backend: it may be asked once more if there is no other."""
WELL = frozenset({"cancelled", "client", "unsupported", "context", "policy"})
"""Failures that say nothing of how their backend is doing."""
UNSUPPORTED = "unsupported"
"""Another backend may well do what this one cannot."""
BUSY = "busy"
"""Our own engine had no room: the backend is well, and the client may come again."""
INTERACTIVE = 0
"""Whoever waits for an answer."""
UNHURRIED = -1
"""What nobody waits for."""
USAGE = (
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "estimated",
    "compute_s",
)


@dataclass(kw_only=True, slots=True)
class Flow:
    """An attempt that has begun to answer: what has arrived, and where the rest will."""

    each: Try
    mailbox: Mailbox
    arrived: list[Event]


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """What the winning attempt used and cost."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    compute_s: float = 0.0
    cost: Decimal = Decimal(0)

    def as_usage(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
        }


class BrokenStream(Exception):  # noqa: N818
    """The backend failed after the client had begun to read."""


def deadline_s(way: Way) -> float:
    """Seconds this request may take, from its arrival."""
    return deadlines.whole_s(way)


def seconds_left(way: Way) -> float:
    return deadlines.left_s(way)


async def begin(way: Way, room: Room, plan: Planned) -> Flow:
    """The first backend in order that gives content; a failure before it moves on to the next."""
    each = plan.first
    order = list(plan.decision.order)
    while True:
        event = await _attempt(way, room, each)
        if isinstance(event, Flow):
            return event
        _give_up_if_hopeless(way, event)
        following = _next(way, order, event)
        if following is None:
            raise all_failed(way)
        reason = f"fallback:{event['failure']}"
        each = await in_thread(room, stages.hold, way, following, reason)


async def _attempt(way: Way, room: Room, each: Try) -> Flow | Event:
    """Either the beginning of an answer, or the event that says why there is none."""
    mailbox = _send(way, room, each)
    backend = each.candidate.backend.name
    arrived: list[Event] = []
    try:
        while True:
            event = await mailbox.next()
            if event["kind"] == "failed":
                break
            arrived.append(event)
            if event["kind"] == "started":
                each.worker = event["worker"]
            elif event["kind"] == "done" or event.get("content"):
                _content_came(way, each, event)
                vitals.answered(backend, (way.clock.elapsed_ms - each.started_ms) / 1000)
                return Flow(each=each, mailbox=mailbox, arrived=arrived)
    except BaseException:
        each.ended_ms = way.clock.elapsed_ms
        await abandon(room, each, mailbox)
        raise
    each.ended_ms = way.clock.elapsed_ms
    note_failure(each, event)
    await end(room, each, mailbox)
    return event


def _send(way: Way, room: Room, each: Try) -> Mailbox:
    backend = each.candidate.backend
    each.started_ms = way.clock.elapsed_ms
    vitals.began(backend.name)
    message = {
        "backend": backend.backend_id,
        "version": backend.version,
        "body": way.prompt.body,
        "form": way.prompt.form,
        "stream": way.prompt.stream,
        "deadline": time.time() + max(0.0, deadline_s(way) - each.started_ms / 1000),
        "prompt_tokens": way.signals.prompt_tokens,
        "domain": str(way.caller.team_id),
        "cache": way.prompt.constraints.cache,
        "priority": UNHURRIED if way.is_aside else INTERACTIVE,
        "price": papers.pack_price(backend.price),
        "papers": papers.pack(way.origin, each),
    }
    where = backend.model if embeddings.is_here(backend) else backend.tier
    return _line(room, each).send(where, str(each.attempt_id), message)


def _line(room: Room, each: Try) -> Line:
    """To a worker, or to the embedders of this process."""
    return room.here if embeddings.is_here(each.candidate.backend) else room.switchboard


def _content_came(way: Way, each: Try, event: Event) -> None:
    each.first_content_ms = way.clock.elapsed_ms
    each.engine_ms = event.get("ms") or 0.0
    each.is_whole = event["kind"] == "done"


def note_failure(each: Try, event: Event) -> None:
    each.outcome = event["failure"]
    each.message = event.get("message") or ""
    each.cost = event.get("cost") or "0"
    each.compute_s = event.get("compute_s") or 0.0
    each.status = event.get("status")
    each.param = event.get("param")
    each.engine_ms = event.get("ms") or each.engine_ms
    each.retry_after_s = event.get("retry_after_s")
    if event["failure"] not in OURS | WELL | {BUSY}:
        vitals.failed(each.candidate.backend.name)


async def end(room: Room, each: Try, mailbox: Mailbox) -> None:
    """The attempt is over on our side; one that no worker had begun is withdrawn."""
    line = _line(room, each)
    line.forget(mailbox)
    vitals.ended(each.candidate.backend.name)
    if each.outcome in OURS and not mailbox.worker:
        line.cancel(mailbox)
        await in_thread(room, _withdraw, each)


async def abandon(room: Room, each: Try, mailbox: Mailbox) -> None:
    """The client left or the deadline passed: the worker stops and settles what it produced."""
    line = _line(room, each)
    line.cancel(mailbox)
    line.forget(mailbox)
    vitals.ended(each.candidate.backend.name)
    each.outcome = each.outcome or "cancelled"
    if not mailbox.worker:
        await asyncio.shield(in_thread(room, _withdraw, each))


def _withdraw(each: Try) -> None:
    """Frees a hold that nobody claimed; a worker that was quicker settles, or the lease ends."""
    try:
        ledger.withdraw(connections.current(), [each.attempt_id], failure=each.outcome)
    except (psycopg.Error, Unavailable):
        connections.drop()


def _give_up_if_hopeless(way: Way, event: Event) -> None:
    failure = event["failure"]
    if failure in BUS:
        raise Unavailable("event bus")
    if failure == "timeout" and way.clock.elapsed_ms >= deadline_s(way) * 1000:
        raise DeadlineExceeded(attempts=told(way))
    if failure in HOPELESS:
        raise InvalidRequest(
            event.get("message") or "The backend refused the request.",
            param=event.get("param"),
            failure=failure,
        )


def _next(way: Way, order: list[Candidate], event: Event) -> Candidate | None:
    """After a context overflow only a bigger context makes sense, without a worker another's."""
    tried = [each.candidate for each in way.tries]
    last = tried[-1]
    later = [each for each in order[order.index(last) + 1 :] if may_still(way, each)]
    if event["failure"] == "context":
        later = [c for c in later if c.backend.context > last.backend.context]
    if event["failure"] == "no-worker":
        return next((c for c in later if c.backend.tier != last.backend.tier), None)
    if not later and event["failure"] in OURS and tried.count(last) == 1:
        return last
    return later[0] if later else None


def may_still(way: Way, candidate: Candidate) -> bool:
    """What time and money the failed attempts have left is enough for one more."""
    most = way.prompt.constraints.max_cost
    left_usd = None if most is None else most - sum(Decimal(each.cost) for each in way.tries)
    return eligibility.still(candidate, left_s=seconds_left(way), left_usd=left_usd)


def all_failed(way: Way) -> Refusal:
    last = way.tries[-1]
    if last.outcome == "no-worker":
        return Unavailable(f"{last.candidate.backend.tier} worker")
    able = [each for each in way.tries if each.outcome != UNSUPPORTED]
    if not able:
        return InvalidRequest(last.message, param=last.param, failure=UNSUPPORTED)
    if all(each.outcome == BUSY for each in able):
        return QueueFull(
            "Every backend that could answer has as many calls as it may.",
            retry_after_s=min(each.retry_after_s or 0.0 for each in able),
        )
    if able[-1].outcome == "context":
        return InvalidRequest(able[-1].message, param=_prompt_of(way), failure="context")
    return UpstreamFailed(
        f"Every backend that was tried failed; the last, {last.candidate.backend.name}, "
        f"with {last.outcome}.",
        attempts=told(way),
    )


def _prompt_of(way: Way) -> str:
    """The field that holds what was too long."""
    return "prompt" if way.prompt.form == "text" else "messages"


def told(way: Way) -> list[dict[str, Any]]:
    """One entry for each attempt; messages of engines carry no secrets."""
    return [
        {"backend": each.candidate.backend.name, "failure": each.outcome, "message": each.message}
        for each in way.tries
    ]


async def events(way: Way, room: Room, flow: Flow) -> AsyncGenerator[Event, None]:
    """All deltas and then `done`; a failure in between ends the attempt and breaks the stream."""
    try:
        while True:
            event = flow.arrived.pop(0) if flow.arrived else await flow.mailbox.next()
            flow.each.ended_ms = way.clock.elapsed_ms
            if event["kind"] == "failed":
                note_failure(flow.each, event)
                raise BrokenStream(flow.each.message)
            if event["kind"] == "done":
                flow.each.outcome = "answered"
            yield event
            if flow.each.outcome:
                return
    finally:
        if flow.each.outcome:
            await end(room, flow.each, flow.mailbox)
        else:
            await abandon(room, flow.each, flow.mailbox)


def spent(each: Try, done: Event) -> Spent:
    facts = dict(zip(USAGE, done["usage"], strict=True))
    each.cost = done["cost"]
    each.tokens = facts["prompt_tokens"] + facts["completion_tokens"]
    each.compute_s = facts["compute_s"]
    _time(each, facts["completion_tokens"], done.get("ms") or each.engine_ms)
    each.engine_ms = done.get("ms") or each.engine_ms
    return Spent(**facts, cost=Decimal(done["cost"]))


def _time(each: Try, tokens: int, engine_ms: float) -> None:
    """How fast its backend was, for the next decision; a client that reads slowly says nothing of
    that, so the writing is timed in the engine."""
    backend, first_ms = each.candidate.backend.name, each.first_content_ms
    if first_ms is None:
        return
    first_s, writing_s = (first_ms - each.started_ms) / 1000, (engine_ms - each.engine_ms) / 1000
    if each.is_whole:
        vitals.came_whole(backend, tokens=tokens, took_s=first_s)
    else:
        vitals.streamed(backend, first_s=first_s, tokens=tokens, writing_s=writing_s)


async def in_thread(room: Room, work: Any, *args: Any) -> Any:
    """Runs a synchronous step in the web's own threads, whose connections persist."""
    return await room.hands.do(guarded, work, args)


def guarded(work: Any, args: tuple[Any, ...]) -> Any:
    """Postgres being away is one clear refusal, and the next request tries a new connection."""
    connections.hear()
    try:
        return work(*args)
    except connections.LOST as error:
        connections.drop()
        raise Unavailable("postgres") from error
