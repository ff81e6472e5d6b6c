"""A request's way through KORA, stage by stage: read this file first.

`decide` is stages 1 to 9: plain and synchronous, in one of the web process's own threads.
`answer` is the whole way: it has `decide` run there, then carries out what was decided.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

from caching.values import NoMatch
from routing import (
    cascading,
    catalog,
    closing,
    deferral,
    embeddings,
    execution,
    expecting,
    experimenting,
    inputs,
    limits,
    pressure,
    questions,
    recognising,
    repeats,
    replies,
    ruled,
    semantics,
    shadows,
    stages,
)
from routing.errors import DeadlineExceeded, QueueFull, Refusal, Stopping
from routing.flights import Flight
from routing.idempotency.values import Running, Told
from routing.policy.patience import Wait
from routing.replies import Reply
from routing.signals import houses
from routing.way import Answered, Incoming, Planned, Room, Way

if TYPE_CHECKING:
    from collections.abc import Callable

    from caching.values import Match

Plan = Answered | Planned | Told | Running | Wait | Flight


async def answer(incoming: Incoming, room: Room) -> Reply:
    """One request, from its bytes to a reply; whatever refuses it is in the book as well."""
    way = Way(incoming=incoming)
    try:
        plan = await limits.first(incoming, room, _stages_of(way), way, room)
        if isinstance(plan, Answered):
            shadows.consider(way, room, plan.match)
            return await _replayed(way, room, plan.match)
        incoming.watch()
        repeats.hold(way, room)
        async with asyncio.timeout(execution.seconds_left(way)):
            while isinstance(plan, Future | Wait | Running):
                plan = await _later(way, room, plan)
            if isinstance(plan, Told):
                return replies.repeated(way, plan)
            if isinstance(plan, Answered):
                return await _replayed(way, room, plan.match)
            return await repeats.kept(way, room, await _carry_out(way, room, plan))
    except TimeoutError:
        refusal: Refusal = DeadlineExceeded(attempts=execution.told(way))
        await closing.refuse(way, room, refusal)
        raise refusal from None
    except Refusal as refused:
        await closing.refuse(way, room, refused)
        raise
    except asyncio.CancelledError:
        if room.stopping.is_set():
            refusal = Stopping()
            await asyncio.shield(closing.refuse(way, room, refusal))
            raise refusal from None
        await asyncio.shield(closing.cancelled(way, room))
        raise
    except Exception:
        closing.land(way, room, None)
        await limits.over(way, room)
        await repeats.let_go(way, room)
        raise


async def _replayed(way: Way, room: Room, match: Match) -> Reply:
    await limits.over(way, room)
    return await repeats.kept(way, room, replies.replay(way, match))


async def _carry_out(way: Way, room: Room, plan: Planned) -> Reply:
    flow = await cascading.begin(way, room, plan)
    if way.prompt.stream:
        return replies.stream(way, room, flow)
    return await replies.whole(way, room, flow)


def _stages_of(way: Way) -> Callable[[Way, Room], Plan]:
    return decide_vectors if way.incoming.form == "embeddings" else decide


def decide(way: Way, room: Room) -> Plan:
    """Stages 1 to 9. What they find is written on the way; the receipt is drawn from it."""
    clock = way.clock
    way.known_caller = clock("authenticate", stages.authenticate, way.incoming)
    way.known_standing = catalog.current().policy(way.caller.team_id)
    came = way.incoming
    way.known_prompt = clock("parse", questions.parse, came.raw, came.headers, came.form)
    again = repeats.begin(way, room)
    if again is not None:
        return again
    way.fingerprint = clock("fingerprint", stages.fingerprint, way.prompt)
    way.known_signals = clock("signals", houses.read, way.prompt)
    clock("guard", stages.guard, way, room)
    clock("question", semantics.place, way)
    ruled_out = clock("rules", ruled.judge, way)
    if ruled_out is not None:
        clock("record", closing.record_hit, way, ruled_out)
        return Answered(match=ruled_out)
    clock("pressure", pressure.refuse_all, way)
    found = clock("exact", stages.exact, way)
    if isinstance(found, NoMatch):
        flying = clock("in flight", stages.board, way, room)
        if flying is not None:
            return flying
        found = _similar(way, found)
    if not isinstance(found, NoMatch):
        clock("record", closing.record_hit, way, found)
        closing.share(way, room, found)
        return Answered(match=found)
    clock("room", limits.enter, way, room)
    clock("experiment", experimenting.take, way)
    clock("intent", recognising.look, way)
    clock("expect", expecting.look, way)
    return settle(way)


def settle(way: Way) -> Planned | Wait:
    """Who answers, unless it pays to wait for somebody who is busy now."""
    clock = way.clock
    try:
        decision = clock("decide", experimenting.choose, way)
    except QueueFull:
        hopes = deferral.consider(way, way.decision) if way.decision else None
        if hopes is None:
            raise
        return hopes
    hopes = deferral.consider(way, decision)
    if hopes is not None:
        return hopes
    decision = clock("cascade", cascading.plan, way, decision)
    return clock("hold", stages.hold_first, way, decision)


def decide_vectors(way: Way, room: Room) -> Plan:
    """The same for texts to be made vectors of: no answer is stored, embedders remember."""
    clock = way.clock
    way.known_caller = clock("authenticate", stages.authenticate, way.incoming)
    way.known_standing = catalog.current().policy(way.caller.team_id)
    way.known_prompt = clock("parse", inputs.parse, way.incoming.raw, way.incoming.headers)
    again = repeats.begin(way, room)
    if again is not None:
        return again
    way.known_signals = clock("signals", houses.read, way.prompt)
    clock("guard", stages.guard, way, room)
    clock("rules", ruled.judge, way)
    clock("room", limits.enter, way, room)
    clock("intent", recognising.look, way)
    decision = clock("decide", stages.choose, way)
    domain = str(way.caller.team_id)
    clock("check", embeddings.check, way.prompt, decision.order[0].backend, domain)
    first = clock("hold", stages.hold, way, decision.order[0], decision.reason)
    return Planned(decision=decision, first=first)


def _similar(way: Way, missed: NoMatch) -> Match | NoMatch:
    """The tiers between the exact answer and a model; each says why it had nothing."""
    way.misses["exact"] = missed.reason
    for tier, look in (("semantic", stages.semantic), ("patterns", stages.patterns)):
        found = way.clock(tier, look, way)
        if not isinstance(found, NoMatch):
            return found
        way.misses[tier] = found.reason
    return NoMatch(reason="no-tier-knew")


async def _later(way: Way, room: Room, plan: Flight | Wait | Running) -> Plan:
    if isinstance(plan, Wait):
        await deferral.wait(way, plan)
        return await execution.in_thread(room, settle, way)  # type: ignore[no-any-return]
    if isinstance(plan, Running):
        return await _again(way, room, plan)
    return await _follow(way, room, plan)


async def _again(way: Way, room: Room, running: Running) -> Plan:
    """Wait for the first of the same key; if that fails or is left, this one is the first."""
    await repeats.over(way, room, running)
    plan = await execution.in_thread(room, _stages_of(way), way, room)
    repeats.hold(way, room)
    return plan  # type: ignore[no-any-return]


async def _follow(way: Way, room: Room, flight: Flight) -> Plan:
    """Wait for the identical question that is being asked; if that fails, ask for ourselves."""
    began = time.perf_counter()
    match = await asyncio.shield(asyncio.wrap_future(flight))
    way.clock.note("waited in flight", began)
    if match is None:
        way.asks_alone = True
        return await execution.in_thread(room, decide, way, room)  # type: ignore[no-any-return]
    await execution.in_thread(room, closing.record_hit, way, match)
    return Answered(match=match)
