"""One attempt as the web sees it: sent, answered or failed, ended or abandoned."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import psycopg

from analytics import ledger
from inference.words import Failure
from routing import connections, deadlines, embeddings, limits, papers, repeats, steps, vitals
from routing.bus import Event
from routing.errors import Unavailable
from routing.failover import breakers, circuits, failures
from routing.fairness import crowding
from routing.paces import Around
from routing.switchboard import Line, Mailbox
from routing.tries import Try
from routing.way import Room, Way

LOW = "low"
PRIORITIES = {"high": 1, "normal": 0, LOW: -1}
UNHURRIED = -1
"""What nobody waits for."""


@dataclass(kw_only=True, slots=True)
class Flow:
    """An attempt that has begun to answer: what has arrived, and where the rest will."""

    each: Try
    mailbox: Mailbox
    arrived: list[Event]


async def attempt(way: Way, room: Room, each: Try) -> Flow | Event:
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
                each.worker, each.began_ms = event["worker"], way.clock.elapsed_ms
            elif event["kind"] == "done" or event.get("content"):
                _content_came(way, each, event)
                vitals.answered(backend, (way.clock.elapsed_ms - each.started_ms) / 1000)
                breakers.well(each.candidate.backend, began=each.asked_at)
                return Flow(each=each, mailbox=mailbox, arrived=arrived)
    except BaseException:
        each.ended_ms = way.clock.elapsed_ms
        _note_silence(way, each)
        await abandon(room, each, mailbox)
        raise
    each.ended_ms = way.clock.elapsed_ms
    note_failure(each, event)
    if each.outcome == Failure.TIMEOUT:
        _note_silence(way, each)
    await end(room, each, mailbox)
    return event


def _note_silence(way: Way, each: Try) -> None:
    """A stream that was given up before it said anything was at least so slow."""
    if way.prompt.stream and each.first_content_ms is None:
        fit = each.candidate.fit
        around = Around(crowd=fit.backend.in_flight, read=fit.read)
        silent_s = (each.ended_ms - each.started_ms) / 1000
        vitals.silent(fit.backend.name, silent_s=silent_s, around=around)


def _send(way: Way, room: Room, each: Try) -> Mailbox:
    backend = each.candidate.backend
    each.started_ms, each.asked_at = way.clock.elapsed_ms, breakers.now()
    vitals.began(backend.name)
    crowding.began(backend.name, str(each.attempt_id), limits.turn(way))
    until = time.time() + max(0.0, deadlines.whole_s(way) - each.started_ms / 1000)
    message = {
        "backend": backend.backend_id,
        "version": backend.version,
        "body": way.prompt.body,
        "form": way.prompt.form,
        "stream": way.prompt.stream,
        "deadline": until,
        "prompt_tokens": way.signals.prompt_tokens,
        "domain": str(way.caller.team_id),
        "cache": way.prompt.constraints.cache,
        "share": way.caller.share,
        "class": LOW if way.is_unhurried else way.caller.priority,
        "priority": UNHURRIED if way.is_unhurried else PRIORITIES.get(way.caller.priority, 0),
        "price": papers.pack_price(backend.price),
        "papers": papers.pack(way.origin, each),
        "errand": repeats.errand(way, each, until),
    }
    where = backend.model if embeddings.is_here(backend) else backend.tier
    mailbox = _line(room, each).send(where, str(each.attempt_id), message)
    mailbox.is_exact = each.outlives_until > 0
    return mailbox


def _line(room: Room, each: Try) -> Line:
    """To a worker, or to the embedders of this process."""
    return room.here if embeddings.is_here(each.candidate.backend) else room.switchboard


def _content_came(way: Way, each: Try, event: Event) -> None:
    each.first_content_ms = way.clock.elapsed_ms
    each.engine_ms = event.get("ms") or 0.0
    each.is_whole = event["kind"] == "done"


def note_failure(each: Try, event: Event) -> None:
    """A worker that gave up what somebody here still waits for, because it took this process for
    gone, is as lost to that request as one that died."""
    failure = event["failure"]
    each.outcome = failures.WORKER if failure == Failure.CANCELLED else failure
    each.message = event.get("message") or ""
    each.cost = event.get("cost") or "0"
    each.compute_s = event.get("compute_s") or 0.0
    each.status = event.get("status")
    each.param = event.get("param")
    each.engine_ms = event.get("ms") or each.engine_ms
    each.retry_after_s = event.get("retry_after_s")
    each.keys = event.get("keys") or ()
    backend, failure = each.candidate.backend, each.outcome
    breakers.failed(backend, failure, began=each.asked_at, retry_after_s=each.retry_after_s)


async def keep_out(way: Way, room: Room, each: Try) -> Event:
    """It is not asked: what is held for it is free again."""
    backend = each.candidate.backend
    each.started_ms = each.ended_ms = way.clock.elapsed_ms
    rests = breakers.state(backend) == circuits.RESTING
    each.outcome = failures.RESTING if rests else failures.OPEN
    each.message = "it was not asked"
    each.retry_after_s = breakers.retry_s(backend)
    await steps.in_thread(room, withdraw, each)
    return {"kind": "failed", "failure": each.outcome}


async def end(room: Room, each: Try, mailbox: Mailbox) -> None:
    """The attempt is over on our side; one that no worker had begun is withdrawn."""
    line = _line(room, each)
    line.forget(mailbox)
    vitals.ended(each.candidate.backend.name)
    crowding.ended(str(each.attempt_id))
    each.was_left = each.outcome in failures.BUS and each.outlives_until > 0
    if each.outcome in failures.OURS and not (mailbox.worker or each.was_left):
        line.cancel(mailbox)
        await steps.in_thread(room, withdraw, each)


async def abandon(room: Room, each: Try, mailbox: Mailbox) -> None:
    """The client left or the deadline passed: the worker stops and settles what it produced,
    unless it goes on for those who ask again."""
    line = _line(room, each)
    each.outcome = each.outcome or "cancelled"
    each.was_left = time.time() < each.outlives_until
    if not each.was_left:
        mailbox.why = each.outcome
        line.cancel(mailbox)
    line.forget(mailbox)
    vitals.ended(each.candidate.backend.name)
    crowding.ended(str(each.attempt_id))
    breakers.undecided(each.candidate.backend)
    if each.was_left:
        return
    if not mailbox.worker:
        await asyncio.shield(steps.in_thread(room, withdraw, each))


def withdraw(each: Try) -> None:
    """Frees a hold that nobody claimed; a worker that was quicker settles, or the lease ends."""
    try:
        ledger.withdraw(connections.current(), [each.attempt_id], failure=each.outcome)
    except (psycopg.Error, Unavailable):
        connections.drop()
