"""Carries a cascade out: an answer of our own is held back, checked, and served or escalated once.

Streams are held back too, so that nobody ever reads the beginning of an answer that does not hold.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from routing import answers, calls, deadlines, execution, second_opinions, stages
from routing.bus import Event
from routing.calls import Flow
from routing.cascade import planning, terms, values, verifying
from routing.cascade.values import FIRST, Legs, Verified
from routing.cascade.verifying import Asked
from routing.errors import DeadlineExceeded, Refusal
from routing.policy import deciding
from routing.policy.values import Decision
from routing.signals import texts
from routing.way import Planned, Room, Way

TRANSLATION = "translation"
SERVED, ESCALATED, KEPT, STOOD_IN = "served", "escalated", "kept", "stood-in"
"""What became of the first answer; it is kept where nobody better could answer."""
BROKEN, ANSWERED = "complete", "answered"


def plan(way: Way, decision: Decision) -> Decision:
    """The same candidates, with the cheapest of our own first where the policy says so."""
    said = way.ruling.effects.settings.get("cascade")
    wanted = terms.forgiving(way.standing.settings, said)
    if not wanted.enabled or way.prompt.inputs or way.seat.in_loop:
        return decision
    intent = way.recognised.intent
    legs = planning.legs(
        wanted, decision, intent, left_s=deadlines.left_s(way), outlook=way.outlook
    )
    if legs is None:
        return decision
    way.legs = legs
    way.decision = deciding.preferring(decision, legs.first.backend.name, FIRST)
    return way.decision


async def begin(way: Way, room: Room, plan: Planned) -> Flow:
    flow = await execution.begin(way, room, plan)
    if way.legs is None:
        return flow
    if flow.each.reason != FIRST:
        way.cascade = {"first": way.legs.first.backend.name, "became": STOOD_IN}
        return flow
    heard = await _heard(way, room, flow)
    found = await _verified(way, room, heard)
    way.cascade = {"first": flow.each.candidate.backend.name, **found.as_json()}
    if found.holds:
        way.cascade["became"] = SERVED
        return Flow(each=flow.each, mailbox=flow.mailbox, arrived=heard)
    return await _escalated(way, room, (flow, heard), way.legs)


async def _heard(way: Way, room: Room, flow: Flow) -> list[Event]:
    """All that the first one says, to its end or its failure."""
    heard: list[Event] = []
    try:
        while not heard or heard[-1]["kind"] not in ("done", "failed"):
            heard.append(flow.arrived.pop(0) if flow.arrived else await flow.mailbox.next())
    except BaseException:
        flow.each.ended_ms = way.clock.elapsed_ms
        await calls.abandon(room, flow.each, flow.mailbox)
        raise
    flow.each.ended_ms = way.clock.elapsed_ms
    return heard


async def _verified(way: Way, room: Room, heard: list[Event]) -> Verified:
    last = heard[-1]
    if last["kind"] == "failed":
        return values.broken(BROKEN, f"It broke off: {last['failure']}.")
    body = _body(way, heard)
    assert way.legs is not None
    began = time.perf_counter()
    asked = await execution.in_thread(room, _asked, way)
    found: Verified = await execution.in_thread(room, verifying.verify, way.legs.terms, asked, body)
    if found.holds:
        found = values.both(found, await second_opinions.ask(way, room, way.legs, body))
    way.clock.note("verify", began, found.failed)
    return found


def _body(way: Way, heard: list[Event]) -> answers.Body:
    if not way.prompt.stream:
        whole: answers.Body = heard[-1]["body"]
        return whole
    return answers.assemble((e["chunk"] for e in heard if e["kind"] == "delta"), {})


def _asked(way: Way) -> Asked:
    question = texts.said(way.prompt).own
    return Asked(
        body=way.prompt.body,
        question=question,
        language=way.signals.as_json().get("language"),
        speaks_of_languages=way.recognised.intent == TRANSLATION,
    )


async def _escalated(way: Way, room: Room, first: tuple[Flow, list[Event]], legs: Legs) -> Flow:
    """Once, to the best that time and money are left for; else the first answer is kept, because
    it is better than none, but nobody else gets it from the store."""
    flow, heard = first
    done = heard[-1]
    if done["kind"] == "failed":
        calls.note_failure(flow.each, done)
    else:
        flow.each.outcome, flow.each.cost = ANSWERED, done["cost"]
    try:
        second = await _second(way, room, legs)
    except Refusal as refused:
        if done["kind"] == "failed":
            await calls.end(room, flow.each, flow.mailbox)
            raise
        return _kept(way, first, refused.code)
    except BaseException:
        await asyncio.shield(calls.end(room, flow.each, flow.mailbox))
        raise
    if done["kind"] == "done":
        execution.spent(flow.each, done)
    await calls.end(room, flow.each, flow.mailbox)
    return second


async def _second(way: Way, room: Room, legs: Legs) -> Flow:
    """Whoever fails here has others behind it, as anywhere."""
    others = tuple(each for each in legs.others if execution.may_still(way, each))
    if not others:
        raise DeadlineExceeded
    each = await execution.in_thread(room, stages.hold, way, others[0], values.ESCALATED)
    assert isinstance(way.decision, Decision)
    decided = replace(way.decision, order=others)
    way.cascade["became"] = ESCALATED
    return await execution.begin(way, room, Planned(decision=decided, first=each))


def _kept(way: Way, first: tuple[Flow, list[Event]], why: str) -> Flow:
    flow, heard = first
    flow.each.reason, flow.each.outcome = values.UNVERIFIED, ""
    way.cascade |= {"became": KEPT, "not_escalated": why}
    return Flow(each=flow.each, mailbox=flow.mailbox, arrived=list(heard))
