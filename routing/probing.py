"""Asks a backend whose breaker is open for one token that costs money, within a day's allowance.

The call is a request of its own in the book, which no team pays: held, settled and closed as any.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from analytics import ledger, prices, probed, reports
from analytics.values import Hold, Origin, Outcome, PriceTag, Settlement
from inference import counting, engines, secrets
from inference.words import Call, Completion, EngineError, Failure, Target, Usage
from routing import allowances, connections, targets
from routing.engine_room import UNBILLED
from routing.failover import failures
from routing.models import Backend
from routing.policy.values import EMBEDDINGS

CALL_S = 10.0
LEASE_S = 15.0
REASON = "judge:probe"
BY = "KORA"
QUESTION = {"messages": [{"role": "user", "content": "Say OK."}], "max_tokens": 1}
TEXT = {"input": "OK"}
LONGEST_PROMPT = 64
"""Tokens; more than any vocabulary makes of either, with whatever frames it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bought:
    """A call that money is held for."""

    row: Backend
    target: Target
    price: PriceTag
    origin: Origin
    hold: Hold


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What came of it; without a failure it was answered."""

    ms: float
    usage: Usage | None
    failure: Failure | None = None
    message: str = ""

    @property
    def is_well(self) -> bool | None:
        """None where its failure says nothing of how the backend is doing."""
        if self.failure is None or self.failure in failures.ALIVE:
            return True
        return None if self.failure in failures.WELL else False


def ask(row: Backend) -> bool | None:
    """Whether it is there again; None where it was not asked, or that says nothing of it."""
    bought = _bought(row)
    if bought is None:
        return None
    heard = asyncio.run(_heard(bought))
    cost = _booked(bought, heard)
    ledger.close(connections.current(), bought.origin, _outcome(bought, heard, cost))
    return heard.is_well


def body(*, embeds: bool, model: str) -> dict[str, Any]:
    """The least that can be asked."""
    return {**(TEXT if embeds else QUESTION), "model": model}


def _bought(row: Backend) -> Bought | None:
    """Nothing is held where it is not known what it costs, or the day's allowance is too small."""
    connection = connections.current()
    price = reports.prices_in_force(datetime.now(UTC)).get(row.name)
    target = _target(row)
    if price is None or target is None:
        return None
    origin, hold = _origin(row), _hold(row, price)
    if probed.today(connection, row.name) + hold.amount > allowances.of(row.options):
        return None
    ledger.hold(connection, origin, hold)
    mine = {hold.attempt_id}
    worker = f"probe.{socket.gethostname()}.{os.getpid()}"
    if ledger.claim(connection, mine, worker=worker, lease_s=LEASE_S) != mine:
        return None
    return Bought(row=row, target=target, price=price, origin=origin, hold=hold)


def _target(row: Backend) -> Target | None:
    try:
        return targets.load(row.pk)
    except (EngineError, secrets.SecretUnreadableError):
        return None


def _origin(row: Backend) -> Origin:
    return Origin(
        exchange_id=uuid4(),
        at=datetime.now(UTC),
        team_id=probed.HOUSE,
        team=BY,
        key_public="",
        key_name="",
        model_asked=row.name,
        streamed=False,
        policy=0,
    )


def _hold(row: Backend, price: PriceTag) -> Hold:
    longest_answer = 0 if _embeds(row) else QUESTION["max_tokens"]
    assert isinstance(longest_answer, int)
    return Hold(
        attempt_id=uuid4(),
        number=1,
        backend=row.name,
        tier=probed.TIER,
        amount=prices.worst_case(price, LONGEST_PROMPT, longest_answer),
        price_id=price.price_id,
        lease_s=LEASE_S,
        spans=(),
    )


def _embeds(row: Backend) -> bool:
    return EMBEDDINGS in row.capabilities


async def _heard(bought: Bought) -> Heard:
    began = time.perf_counter()
    usage: Usage | None = None
    error: EngineError | None = None
    opened = engines.open_engines()
    try:
        async with asyncio.timeout(CALL_S):
            usage = await _run(opened, bought)
    except TimeoutError:
        error = EngineError(Failure.TIMEOUT, f"no answer within {CALL_S:.0f} s")
    except EngineError as raised:
        error = raised
    finally:
        await opened.close()
    ms = (time.perf_counter() - began) * 1000
    if error is None:
        return Heard(ms=ms, usage=usage)
    return Heard(ms=ms, usage=None, failure=error.failure, message=error.message)


async def _run(opened: engines.Engines, bought: Bought) -> Usage:
    form = "embeddings" if _embeds(bought.row) else "chat"
    asked = body(embeds=_embeds(bought.row), model=bought.target.model)
    call = Call(body=asked, stream=False, deadline_s=CALL_S, form=form)
    engine = opened.for_kind(bought.target.kind)
    async with contextlib.aclosing(engine.run(bought.target, call)) as events:
        async for event in events:
            if isinstance(event, Completion):
                return event.usage
    raise EngineError(Failure.CUT, "it stopped in between")


def _booked(bought: Bought, heard: Heard) -> Decimal:
    """As a worker books its calls: what no provider bills is free again, the rest is settled."""
    connection, attempt_id = connections.current(), bought.hold.attempt_id
    if heard.failure in UNBILLED:
        ledger.release(connection, [attempt_id], failure=str(heard.failure))
        return Decimal(0)
    usage = heard.usage or _likely(bought)
    settlement = Settlement(
        attempt_id=attempt_id,
        cost=_cost(bought, usage),
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_tokens=usage.cached_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        estimated=usage.estimated,
        unconfirmed=heard.failure == Failure.TIMEOUT,
        failure=str(heard.failure or ""),
        note=probed.NOTE,
    )
    ledger.settle(connection, [settlement])
    return settlement.cost


def _likely(bought: Bought) -> Usage:
    """What it read, if it read anything: nobody has said."""
    asked = body(embeds=_embeds(bought.row), model=bought.target.model)
    return Usage(prompt_tokens=counting.estimate_tokens(asked), completion_tokens=0, estimated=True)


def _cost(bought: Bought, usage: Usage) -> Decimal:
    return prices.cost_of(
        bought.price,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_tokens=usage.cached_tokens,
    )


def _outcome(bought: Bought, heard: Heard, cost: Decimal) -> Outcome:
    answered = heard.failure is None
    return Outcome(
        state="answered" if answered else "failed",
        status=200 if answered else 502,
        error_code="" if answered else "upstream_failed",
        tier=probed.TIER,
        backend=bought.row.name,
        reason=REASON,
        attempts=1,
        prompt_tokens=heard.usage.prompt_tokens if heard.usage else 0,
        completion_tokens=heard.usage.completion_tokens if heard.usage else 0,
        estimated=heard.usage.estimated if heard.usage else False,
        total_ms=heard.ms,
        receipt={
            "attempts": [_as_attempt(bought, heard, cost)],
            "aside": {"purpose": probed.NOTE, "about": bought.row.name},
        },
    )


def _as_attempt(bought: Bought, heard: Heard, cost: Decimal) -> dict[str, Any]:
    return {
        "number": 1,
        "backend": bought.row.name,
        "reason": REASON,
        "started_ms": 0.0,
        "first_content_ms": None if heard.failure else round(heard.ms, 3),
        "ms": round(heard.ms, 3),
        "engine_ms": round(heard.ms, 3),
        "outcome": str(heard.failure or "answered"),
        "message": heard.message[:500],
        "cost": f"{cost:f}",
        "tokens": heard.usage.total_tokens if heard.usage else 0,
    }
