"""Trials: a backend answers KORA's own questions, so that there is a prior before it has traffic.

A web process runs them one question after the other. Whoever runs one says so with each answer;
where nobody has said so for a while, another process goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg.types.json import Jsonb

from analytics import ledger
from routing import afterwards, asides, catalog, connections, execution, hands, judges, stages
from routing.afterwards import Errand
from routing.asides import Aside
from routing.learning import exam
from routing.learning.exam import Question
from routing.policy.values import Backend
from routing.questions import NO_CONSTRAINTS, Prompt
from routing.way import Room
from teams.values import Caller

log = structlog.get_logger(__name__)

PAUSE_S = 2.0
SILENT_S = 180
"""After so long without a word whoever ran it is taken for dead: one answer may take minutes."""
GIVE_UP = 6
"""Questions in a row without any answer."""

TAKE = """
UPDATE routing_trial t SET state = 'running', heard_at = now(), total = %s
  FROM routing_backend b
 WHERE b.id = t.backend_id AND t.id = (
   SELECT id FROM routing_trial
    WHERE state = 'waiting'
       OR (state = 'running' AND heard_at < now() - %s::int * interval '1 second')
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING t.id, b.name, t.team_id, t.done, t.spent_usd, t.cap_usd, t.scores
"""
# Only while it runs: somebody may have stopped it meanwhile.
TELL = """
UPDATE routing_trial
   SET done = %s, spent_usd = %s, scores = %s, heard_at = now()
 WHERE id = %s AND state = 'running' RETURNING 1
"""
END = """
UPDATE routing_trial SET state = %s, why = %s, ended_at = now(), heard_at = now()
 WHERE id = %s AND state = 'running'
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """How far a trial has come."""

    trial_id: int
    backend: str
    caller: Caller
    done: int
    spent: Decimal
    cap: Decimal
    scores: Mapping[str, Mapping[str, int]]


async def watch(room: Room) -> None:
    """As long as the process lives; one trial after the other."""
    hands.nobody_waits.set(True)
    while True:
        try:
            if not (afterwards.has_room(room, Errand.MARK) and await look(room)):
                await asyncio.sleep(PAUSE_S)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001
            log.warning("trials.failed", error=str(error))
            await asyncio.sleep(PAUSE_S)


async def look(room: Room) -> bool:
    """Goes through the trial that has waited longest, if there is one; False if not."""
    taken = await execution.in_thread(room, _take)
    if taken is None:
        return False
    state, why = await _through(room, taken)
    await execution.in_thread(room, _do, END, (state, why, taken.trial_id))
    return True


async def _through(room: Room, running: Running) -> tuple[str, str]:
    silent = 0
    asked = exam.questions()
    for number in range(running.done, len(asked)):
        before = await execution.in_thread(room, _spent, running.caller)
        answered = await _ask(room, running, asked[number], before)
        after = await execution.in_thread(room, _spent, running.caller)
        if answered is None and not await _can_answer(room, running, before):
            return "stopped", _short(number, len(asked))
        silent = silent + 1 if answered is None else 0
        if silent >= GIVE_UP:
            return "failed", f"{running.backend} gave no answer to {GIVE_UP} questions in a row."
        running = _on(running, asked[number], answered, after - before)
        told = (running.done, running.spent, Jsonb(running.scores), running.trial_id)
        if not await execution.in_thread(room, _do, TELL, told):
            return "stopped", "It was stopped."
    return "done", ""


def _short(number: int, whole: int) -> str:
    """Held is what an answer may cost at worst, so a small cap has no room for a single one."""
    if number == 0:
        return "What may be spent has no room for one question at its worst: allow more."
    return f"What may be spent is spent after {number} of {whole} questions."


async def _ask(room: Room, running: Running, question: Question, spent: Decimal) -> bool | None:
    """Whether it was answered rightly; None where no answer came."""
    body = await asides.ask(
        room,
        Aside(
            caller=running.caller,
            prompt=prompt(running.backend, question),
            backend=running.backend,
            purpose="trial",
            about=UUID(int=running.trial_id),
            cap_usd=spent + running.cap - running.spent,
        ),
    )
    return None if body is None else exam.right(question, _message(body))


async def _can_answer(room: Room, running: Running, spent: Decimal) -> bool:
    """Whether there is money for one more answer; a backend that fails is another matter."""
    left = running.cap - running.spent
    backend = await execution.in_thread(room, _backend, running.backend)
    if backend is None:
        return True
    now = await execution.in_thread(room, _spent, running.caller)
    dearest = backend.price.price_out * exam.MOST_TOKENS / 1_000_000
    return bool(left - (now - spent) > dearest)


def _backend(name: str) -> Backend | None:
    return catalog.current().backend(name)


def _on(running: Running, question: Question, answered: bool | None, cost: Decimal) -> Running:
    known = running.scores.get(question.intent, {"asked": 0, "right": 0})
    counted = {
        "asked": known["asked"] + (answered is not None),
        "right": known["right"] + (answered is True),
    }
    return Running(
        trial_id=running.trial_id,
        backend=running.backend,
        caller=running.caller,
        done=running.done + 1,
        spent=running.spent + max(Decimal(0), cost),
        cap=running.cap,
        scores={**running.scores, question.intent: counted},
    )


def prompt(model: str, question: Question) -> Prompt:
    body: dict[str, Any] = {
        "model": model,
        "temperature": 0,
        "max_tokens": exam.MOST_TOKENS,
        "messages": [{"role": "user", "content": question.ask}],
        **({"tools": list(question.tools)} if question.tools else {}),
    }
    return Prompt(
        body=body,
        model=model,
        stream=False,
        max_tokens=exam.MOST_TOKENS,
        choices=1,
        constraints=NO_CONSTRAINTS,
    )


def _message(body: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = body.get("choices") or [{}]
    message = choices[0].get("message")
    return message if isinstance(message, dict) else {}


def _take() -> Running | None:
    taken = connections.current().execute(TAKE, (len(exam.questions()), SILENT_S)).fetchone()
    if taken is None:
        return None
    trial_id, backend, team_id, done, spent, cap, scores = taken
    caller = judges.for_team(team_id)
    if caller is None:
        return None
    return Running(
        trial_id=trial_id,
        backend=backend,
        caller=caller,
        done=done,
        spent=spent,
        cap=cap,
        scores=scores,
    )


def _spent(caller: Caller) -> Decimal:
    return ledger.spent_today(connections.current(), caller.team_id, stages.JUDGE)


def _do(statement: Any, told: tuple[Any, ...]) -> bool:
    connection: psycopg.Connection[Any] = connections.current()
    return connection.execute(statement, told).rowcount == 1
