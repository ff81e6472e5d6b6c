"""Carries a plan out: one backend after the other until content comes, inside one deadline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from routing import calls, deadlines, hedging, metrics, recovering, scripts, stages, steps, vitals
from routing.bus import Event
from routing.errors import (
    BudgetExceeded,
    DeadlineExceeded,
    InvalidRequest,
    QueueFull,
    Refusal,
    Resting,
    Unavailable,
    UpstreamFailed,
)
from routing.failover import allowance, breakers, circuits, failures, reactions
from routing.failover.reactions import Again, GiveUp
from routing.paces import Around
from routing.policy import eligibility
from routing.policy.values import Candidate
from routing.tries import Try
from routing.way import Planned, Room, Way

CLOCKS_S = 0.25
"""How far clocks of two processes may be apart without its being told as a wait."""
USAGE = (
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "estimated",
    "compute_s",
)
in_thread = steps.in_thread


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
        return scripts.usage(
            prompt=self.prompt_tokens,
            completion=self.completion_tokens,
            cached=self.cached_tokens,
            reasoning=self.reasoning_tokens,
        )


class BrokenStream(Exception):  # noqa: N818
    """The backend failed after the client had begun to read."""


def seconds_left(way: Way) -> float:
    return deadlines.left_s(way)


async def begin(way: Way, room: Room, plan: Planned) -> calls.Flow:
    """The first backend in order that gives content; a failure before it moves on to the next, or
    comes back after a pause to one that may have recovered."""
    each, order = plan.first, list(plan.decision.order)
    allowance.note_request()
    while True:
        event = await hedging.attempt(way, room, each, _guarded_attempt)
        if isinstance(event, calls.Flow):
            return event
        _give_up_if_hopeless(way, event)
        each = await _next(way, room, order)


async def _next(way: Way, room: Room, order: list[Candidate]) -> Try:
    """Whoever no budget has room for is passed over: a cheaper one may still answer."""
    dear: BudgetExceeded | None = None
    while True:
        following = await steps.in_thread(room, recovering.after, way, tuple(order))
        if isinstance(following, GiveUp):
            raise dear or all_failed(way)
        try:
            return await _again(way, room, following)
        except BudgetExceeded as refused:
            if following.candidate not in order or following.is_retry:
                raise
            order.remove(following.candidate)
            dear = refused


async def _guarded_attempt(way: Way, room: Room, each: Try) -> calls.Flow | Event:
    """A backend whose breaker is open is not asked, whoever has come to it since."""
    backend = each.candidate.backend
    if await breakers.enter(backend):
        return await calls.attempt(way, room, each)
    return await calls.keep_out(way, room, each)


async def _again(way: Way, room: Room, following: Again) -> Try:
    """The wait is over before money is held for it."""
    began_ms = way.clock.elapsed_ms
    metrics.observe_reaction(following.reason)
    if following.is_retry:
        allowance.note_retry()
    if following.wait_s:
        await asyncio.sleep(following.wait_s)
        await _rested(following.candidate)
    candidate, reason = following.candidate, following.reason
    each: Try = await steps.in_thread(room, stages.hold, way, candidate, reason)
    each.waited_ms = way.clock.elapsed_ms - began_ms if following.wait_s else 0.0
    return each


async def _rested(candidate: Candidate) -> None:
    """By this process' clock the wait is over, by Redis' it may be a moment later."""
    left_s = breakers.retry_s(candidate.backend)
    if 0 < left_s <= CLOCKS_S:
        await asyncio.sleep(left_s)


def _give_up_if_hopeless(way: Way, event: Event) -> None:
    failure = event["failure"]
    if failure in failures.BUS:
        raise Unavailable("event bus")
    if failure == "timeout" and way.clock.elapsed_ms >= deadlines.whole_s(way) * 1000:
        raise DeadlineExceeded(attempts=told(way))
    if failure == failures.CLIENT:
        raise _to_change(way.tries[-1])


def _to_change(each: Try) -> InvalidRequest:
    """What the provider said is what the client has to know."""
    words = each.message or "The backend refused the request."
    return InvalidRequest(words, param=each.param, failure=each.outcome)


def may_still(way: Way, candidate: Candidate) -> bool:
    """What time and money the failed attempts have left is enough for one more."""
    left_usd = recovering.left_usd(way)
    return eligibility.still(candidate, left_s=seconds_left(way), left_usd=left_usd)


def all_failed(way: Way) -> Refusal:
    last = way.tries[-1]
    if last.outcome == failures.NO_WORKER:
        return Unavailable(f"{last.candidate.backend.tier} worker")
    if last.outcome == failures.POLICY:
        return _to_change(last)
    able = [each for each in way.tries if each.outcome != failures.UNSUPPORTED]
    if not able:
        return _to_change(last)
    if all(each.outcome == failures.BUSY for each in able):
        return QueueFull(
            "Every backend that could answer has as many calls as it may.",
            retry_after_s=min(each.retry_after_s or 0.0 for each in able),
        )
    if able[-1].outcome == failures.CONTEXT:
        return InvalidRequest(able[-1].message, param=_prompt_of(way), failure="context")
    retry_after_s = reactions.retry_after_s(recovering.failures_of(way))
    if all(each.outcome in failures.UNASKED for each in able):
        names = [each.candidate.backend.name for each in able]
        return Resting(names, retry_after_s=retry_after_s or circuits.TRYING_S)
    return UpstreamFailed(
        f"Every backend that was tried failed; the last, {last.candidate.backend.name}, "
        f"with {last.outcome}.",
        retry_after_s=retry_after_s,
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


async def events(way: Way, room: Room, flow: calls.Flow) -> AsyncGenerator[Event, None]:
    """All deltas and then `done`; a failure in between ends the attempt and breaks the stream."""
    try:
        while True:
            event = flow.arrived.pop(0) if flow.arrived else await flow.mailbox.next()
            flow.each.ended_ms = way.clock.elapsed_ms
            if event["kind"] == "failed":
                calls.note_failure(flow.each, event)
                raise BrokenStream(flow.each.message)
            if event["kind"] == "done":
                flow.each.outcome = "answered"
            yield event
            if flow.each.outcome:
                return
    finally:
        if flow.each.outcome:
            await calls.end(room, flow.each, flow.mailbox)
        else:
            await calls.abandon(room, flow.each, flow.mailbox)


def spent(each: Try, done: Event) -> Spent:
    facts = dict(zip(USAGE, done["usage"], strict=True))
    each.cost = done["cost"]
    each.keys = done.get("keys") or ()
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
    around = Around(crowd=each.candidate.backend.in_flight, read=each.candidate.fit.read)
    first_s, writing_s = (first_ms - each.started_ms) / 1000, (engine_ms - each.engine_ms) / 1000
    if each.is_whole:
        vitals.came_whole(backend, tokens=tokens, took_s=first_s, around=around)
    else:
        vitals.streamed(backend, first_s=first_s, tokens=tokens, writing_s=writing_s, around=around)
