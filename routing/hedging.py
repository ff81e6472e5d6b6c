"""Asks a second backend beside one that is silent for too long; the first to give content wins."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal

from analytics import hedged
from routing import (
    calls,
    choosing,
    connections,
    embeddings,
    metrics,
    pressure,
    promises,
    recovering,
    repeats,
    stages,
    steps,
)
from routing.bus import Event
from routing.calls import Flow
from routing.errors import BudgetExceeded
from routing.failover import hedges, hedging
from routing.failover.allowance import Allowance
from routing.failover.failures import HEDGE_LOST
from routing.failover.hedges import Hedge
from routing.failover.hedging import Rival, Standing
from routing.policy.values import Candidate, Decision
from routing.tries import Try
from routing.way import Room, Way

Heard = Flow | Event
Ask = Callable[[Way, Room, Try], Awaitable[Heard]]
SECOND, WON = "hedge:second", "hedge:won"
LOOKS = 3
"""So often a second backend is looked for, if nobody would be in time, or there is no money."""
AGAIN = 0.25
"""Of the time that is left then, until the next look."""
STANDING_S = 5.0
"""For so long it is remembered what a team has spent today: a share needs no more."""

_hedges = Allowance()
_standing: dict[int, tuple[float, Decimal, Decimal]] = {}


@dataclass(kw_only=True, slots=True)
class Leg:
    """One of the two attempts of a race."""

    each: Try
    task: asyncio.Task[Heard]
    is_stopped: bool = False


async def attempt(way: Way, room: Room, each: Try, ask: Ask) -> Heard:
    """As `ask` does it; where the policy says so and it is silent, with another one beside it."""
    terms = hedges.forgiving(way.standing.settings)
    if not (terms.enabled and _may_be_hedged(way)):
        return await ask(way, room, each)
    _hedges.note_request(time.monotonic())
    first = _leg(way, room, each, ask)
    legs = [first]
    try:
        rival = await _rival(way, room, first, terms)
        if rival is None:
            return await first.task
        legs.append(_leg(way, room, rival, ask))
        return await _raced(way, room, legs)
    except BaseException:
        await _stop(room, legs)
        raise


def _may_be_hedged(way: Way) -> bool:
    """Once for each request that somebody waits for; a cascade holds its first answer back."""
    texts = way.prompt.form != "embeddings"
    given_up = way.hedge or way.legs or way.is_unhurried or pressure.is_short(way)
    return texts and way.due is not None and not given_up


def _leg(way: Way, room: Room, each: Try, ask: Ask) -> Leg:
    async def asked() -> Heard:
        return await ask(way, room, each)

    return Leg(each=each, task=asyncio.create_task(asked()))


async def _rival(way: Way, room: Room, first: Leg, terms: Hedge) -> Try | None:
    """Somebody else to ask, with its worst case held, once the silence has lasted too long."""
    began = time.monotonic()
    until_s = _until_s(way)
    moment_s = hedging.moment_s(
        lambda silent_s: promises.p_late_within(way, first.each.candidate, until_s, silent_s),
        terms,
        from_s=0.0,
        until_s=until_s,
    )
    for _ in range(LOOKS):
        if moment_s is None or await _speaks(first, moment_s - (time.monotonic() - began)):
            return None
        rival: Try | None = await steps.in_thread(room, _found, way, first.each, terms)
        if rival is not None:
            return await _unless_late(way, room, first, rival)
        silent_s = time.monotonic() - began
        moment_s = silent_s + AGAIN * (until_s - silent_s) if silent_s < until_s else None
    return None


def _until_s(way: Way) -> float:
    """From now on, until the answer is late."""
    assert way.due is not None
    return max(0.0, (way.due.until_ms - way.clock.elapsed_ms) / 1000)


async def _speaks(first: Leg, within_s: float) -> bool:
    done, _ = await asyncio.wait({first.task}, timeout=max(0.0, within_s))
    return bool(done)


async def _unless_late(way: Way, room: Room, first: Leg, rival: Try) -> Try | None:
    """The first may have spoken while money was held for the second."""
    if not first.task.done():
        return rival
    way.tries.remove(rival)
    rival.outcome = HEDGE_LOST
    await steps.in_thread(room, calls.withdraw, rival)
    return None


# In a thread of its own: who, with what money


def _found(way: Way, running: Try, terms: Hedge) -> Try | None:
    elapsed_s = (way.clock.elapsed_ms - running.started_ms) / 1000
    p_late = promises.p_late(way, running.candidate, elapsed_s)
    rivals = [_as_rival(way, each) for each in _others(way, running)]
    rival = hedging.who(rivals, p_late, terms)
    if rival is None or not hedging.has_room(_standing_of(way), rival.extra_usd, terms):
        return None
    held = _held(way, rival)
    if held is not None:
        way.hedge = {
            "after_ms": round(elapsed_s * 1000, 1),
            "p_late": round(p_late, 4),
            "beside": running.candidate.backend.name,
            "second": rival.candidate.backend.name,
            "p_late_second": round(rival.p_late, 4),
        }
    return held


def _others(way: Way, running: Try) -> list[Candidate]:
    """Those of the plan that have not been tried and that time and money are left for, both
    attempts taken together."""
    tried = {each.candidate.backend.name for each in way.tries}
    assert isinstance(way.decision, Decision)
    names = [e.backend.name for e in way.decision.order if e.backend.name not in tried]
    most = recovering.left_usd(way)
    left = None if most is None else most - running.candidate.worst_case
    return [
        each
        for each in choosing.chain(way, names)
        if not embeddings.is_here(each.backend) and (left is None or each.worst_case <= left)
    ]


def _as_rival(way: Way, candidate: Candidate) -> Rival:
    return Rival(
        candidate=candidate,
        p_late=promises.p_late(way, candidate, 0.0),
        extra_usd=float(candidate.worst_case),
    )


def _standing_of(way: Way) -> Standing:
    now, team_id = time.monotonic(), way.caller.team_id
    asked, twice = _hedges.recent(now)
    known = _standing.get(team_id)
    if known is None or now - known[0] > STANDING_S:
        spent, lost = hedged.today(connections.current(), team_id)
        known = _standing[team_id] = (now, spent, lost)
    _, spent, lost = known
    return Standing(spent_usd=float(spent), lost_usd=float(lost), requests=asked, hedged=twice)


def _held(way: Way, rival: Rival) -> Try | None:
    """A hedge is worth no refusal: without room in a budget there is none."""
    with contextlib.suppress(BudgetExceeded):
        held = stages.hold(way, rival.candidate, SECOND, counts=False)
        _hedges.note_retry(time.monotonic())
        repeats.contest(way)
        return held
    return None


# The race


async def _raced(way: Way, room: Room, legs: list[Leg]) -> Heard:
    """Who gives content first; if both fail, the failure of the one that was asked last."""
    waiting = {leg.task for leg in legs}
    while waiting:
        _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for leg in legs:
            if leg.task.done() and _begun(leg) is not None:
                return await _won(way, room, leg, legs)
    metrics.observe_hedge("failed")
    return legs[-1].task.result()  # or what it raised


async def _won(way: Way, room: Room, winner: Leg, legs: list[Leg]) -> Heard:
    first, second = legs
    if winner is second:
        winner.each.reason = WON
        waited_ms = second.each.started_ms - first.each.started_ms
        first.each.engine_ms = max(first.each.engine_ms, waited_ms)
    way.hedge["won"] = winner is second
    loser = first if winner is second else second
    loser.each.outcome, loser.each.outlives_until = loser.each.outcome or HEDGE_LOST, 0.0
    metrics.observe_hedge("won" if winner is second else "lost")
    await _stop(room, [loser])
    return winner.task.result()


async def _stop(room: Room, legs: list[Leg]) -> None:
    """Their workers let go at once and settle what was produced; an answer that has begun in the
    meantime is let go like any other."""
    for leg in legs:
        leg.task.cancel()
    await asyncio.wait([leg.task for leg in legs])
    for leg in legs:
        flow = _begun(leg)
        if flow is not None and not leg.is_stopped:
            leg.is_stopped = True
            await calls.abandon(room, flow.each, flow.mailbox)


def _begun(leg: Leg) -> Flow | None:
    if leg.task.cancelled() or leg.task.exception() is not None:
        return None
    heard = leg.task.result()
    return heard if isinstance(heard, Flow) else None


def forget() -> None:
    _standing.clear()
    _hedges.seconds.clear()
