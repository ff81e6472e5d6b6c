"""Calls that KORA makes for itself, to compare answers: a request of their own, on tier `judge`."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from analytics import ledger
from routing import answers, catalog, closing, connections, execution, pressure, stages
from routing.errors import BudgetExceeded, DeadlineExceeded, Infeasible, Refusal, Stopping
from routing.execution import BrokenStream
from routing.policy import deciding, wanting
from routing.policy.values import Decision
from routing.policy.wanting import Circumstances
from routing.questions import NO_CONSTRAINTS, Prompt
from routing.rules.values import NO_EFFECTS, Effects
from routing.signals import reading
from routing.way import Incoming, Planned, Room, Way
from teams.values import Caller

LONGEST = 6_000
"""Characters of each text that a judge reads."""
_purse = threading.Lock()
"""So that two of them never find the same money left of the day's; what is held counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Aside:
    """What is asked, of whom, for what, and how much may be spent on such things in a day."""

    caller: Caller
    prompt: Prompt
    backend: str
    purpose: str
    about: UUID
    cap_usd: Decimal
    effects: Effects = NO_EFFECTS
    """What rules said of the request that it is about: who may not see that may not see this."""


class NoMoney(Exception):  # noqa: N818
    """What a team gives a day for comparing answers is spent, or this might exceed it."""


def verdict(model: str, instructions: str, material: Mapping[str, str], *, words: int) -> Prompt:
    """Asks for a word on texts that are marked off, so that none of them passes for an order."""
    marked = (f"<<<{name}>>>\n{text[:LONGEST]}" for name, text in material.items())
    body: dict[str, Any] = {
        "model": model,
        "temperature": 0,
        "max_tokens": words,
        "messages": [
            {"role": "system", "content": instructions},
            {"role": "user", "content": "\n\n".join(marked)},
        ],
    }
    return Prompt(
        body=body,
        model=model,
        stream=False,
        max_tokens=words,
        choices=1,
        constraints=NO_CONSTRAINTS,
    )


def plain(prompt: Prompt) -> Prompt:
    """Asked whole and without hurry; whose it is stays, for budgets, and where it may go."""
    told = {
        name: value
        for name, value in prompt.body.items()
        if name not in {"stream", "stream_options"}
    }
    kept = prompt.constraints
    constraints = replace(
        NO_CONSTRAINTS,
        locality=kept.locality,
        user=kept.user,
        session=kept.session,
        tags=kept.tags,
        cache="no-store",
    )
    return replace(prompt, body=told, stream=False, constraints=constraints)


async def ask(room: Room, aside: Aside) -> answers.Body | None:
    """The answer, if there is a backend, money and a complete answer; else nothing."""
    try:
        way: Way = await execution.in_thread(room, _way, aside)
    except Refusal:
        return None
    try:
        plan = await execution.in_thread(room, _plan, way, aside)
    except BudgetExceeded as refused:
        await closing.refuse(way, room, refused)  # whoever asked the book stands in it
        return None
    except (Refusal, NoMoney):
        return None
    return await _carry_out(way, room, plan)


def _way(aside: Aside) -> Way:
    incoming = Incoming(raw=b"", headers={}, address="")
    return Way(
        incoming=incoming,
        known_caller=aside.caller,
        known_prompt=aside.prompt,
        known_signals=reading.read(aside.prompt),
        known_standing=catalog.current().policy(aside.caller.team_id),
        aside={"purpose": aside.purpose, "about": str(aside.about)},
    )


def _plan(way: Way, aside: Aside) -> Planned:
    """The backend that is named and no other, if the day's money allows its worst case and no
    budget is short."""
    if pressure.is_short(way):
        raise NoMoney
    named = replace(way.prompt, model=aside.backend)
    mine = Circumstances(allowed=way.caller.models, effects=aside.effects)
    decided = deciding.decide(wanting.wants(named, way.signals, mine), catalog.current().live())
    if not isinstance(decided, Decision):
        raise Infeasible(f"{aside.backend} cannot answer now.", binding=decided.binding)
    first = decided.order[0]
    way.decision = replace(decided, order=(first,), reason=f"judge:{aside.purpose}")
    with _purse:
        spent = ledger.spent_today(connections.current(), way.caller.team_id, stages.JUDGE)
        if spent + first.worst_case > aside.cap_usd:
            raise NoMoney
        held = stages.hold(way, first, way.decision.reason, counts=False)
        return Planned(decision=way.decision, first=held)


async def _carry_out(way: Way, room: Room, plan: Planned) -> answers.Body | None:
    try:
        async with asyncio.timeout(execution.seconds_left(way)):
            return await _answered(way, room, plan)
    except TimeoutError:
        await closing.refuse(way, room, DeadlineExceeded())
    except Refusal as refused:
        await closing.refuse(way, room, refused)
    except BrokenStream:
        await closing.refuse(way, room, execution.all_failed(way))
    except asyncio.CancelledError:
        await asyncio.shield(closing.refuse(way, room, Stopping()))
        raise
    return None


async def _answered(way: Way, room: Room, plan: Planned) -> answers.Body | None:
    flow = await execution.begin(way, room, plan)
    async with contextlib.aclosing(execution.events(way, room, flow)) as events:
        async for event in events:
            if event["kind"] == "done":
                spent = execution.spent(flow.each, event)
                await closing.finish(way, room, closing.answered(way, flow.each, spent))
                body: dict[str, Any] = event["body"]
                return body if answers.may_be_stored(body) else None
    return None
