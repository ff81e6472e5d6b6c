"""Embeds in this process, by a line that is used as the one to the workers is."""

from __future__ import annotations

import asyncio
import base64
import functools
import time
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from analytics import ledger, prices
from analytics.values import Settlement
from inference import embedding
from inference.embedding import Embedded
from inference.words import EngineError, Failure
from routing import connections, embedders, inputs, papers
from routing.bus import Event
from routing.errors import InvalidRequest, NothingStored, Unavailable
from routing.policy.values import EMBEDDINGS
from routing.switchboard import Mailbox

if TYPE_CHECKING:
    from routing.hands import Hands
    from routing.policy.values import Backend
    from routing.questions import Body, Prompt

log = structlog.get_logger(__name__)

BUSY = "busy"
BOOK_AWAY: Event = {"kind": "failed", "failure": "server", "message": "the book cannot be written"}


def is_here(backend: Backend) -> bool:
    """Whether this process itself answers for this backend."""
    return backend.is_ours and EMBEDDINGS in backend.capabilities


def check(prompt: Prompt, backend: Backend, domain: str) -> None:
    """What our own embedders cannot do is refused before anything is held for it."""
    if prompt.constraints.cache == "only" and not _is_remembered(prompt, backend, domain):
        raise NothingStored
    if not is_here(backend):
        return
    if inputs.texts(prompt.body) is None:
        raise InvalidRequest(
            f"{backend.name} reads text, not token numbers: they mean other words to each model.",
            param="input",
        )
    wanted = prompt.body.get("dimensions")
    made = embedders.dimensions_of(backend.model) if wanted is not None else None
    if made is not None and wanted != made:
        raise InvalidRequest(
            f"{backend.name} makes vectors of {made} dimensions and no shorter ones.",
            param="dimensions",
        )


def _is_remembered(prompt: Prompt, backend: Backend, domain: str) -> bool:
    texts = inputs.texts(prompt.body) if is_here(backend) else None
    if texts is None:
        return False
    try:
        return embedders.of(backend.model).remembers(texts, domain=domain)
    except EngineError:
        return False  # of a text that is none, or of a model that is not there


class Here:
    """One for each web process."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._running: dict[str, asyncio.Task[None]] = {}

    def send(self, model: str, attempt_id: str, message: dict[str, Any]) -> Mailbox:
        mailbox = Mailbox(attempt_id, model)
        task = asyncio.create_task(self._carry_out(mailbox, message))
        self._running[attempt_id] = task
        task.add_done_callback(lambda _: self._running.pop(attempt_id, None))
        return mailbox

    def cancel(self, mailbox: Mailbox) -> None:
        """Its hold is withdrawn by whoever cancels: no worker ever claimed it."""
        task = self._running.get(mailbox.attempt_id)
        if task is not None:
            task.cancel()

    def forget(self, mailbox: Mailbox) -> None:
        """Nothing is kept of it here."""

    async def _carry_out(self, mailbox: Mailbox, message: dict[str, Any]) -> None:
        began = time.perf_counter()
        try:
            made = await _embedded(mailbox.queue, message)
            ms = (time.perf_counter() - began) * 1000
            settlement = _settlement(mailbox.attempt_id, made, message)
            await self._hands.do(_settle, settlement)
            whole = body(made, message["body"], message["papers"]["backend"])
            mailbox.put({**_done(made, settlement), "body": whole, "ms": ms})
        except EngineError as error:
            await self._fail(mailbox, error)
        except (*connections.LOST, Unavailable):
            mailbox.put(BOOK_AWAY)
        except Exception:
            log.exception("embeddings.crashed", attempt=mailbox.attempt_id)
            await self._fail(mailbox, EngineError(Failure.SERVER, "the embedder failed"))

    async def _fail(self, mailbox: Mailbox, error: EngineError) -> None:
        """What was computed until then is ours to bear: nothing came of it."""
        event = _failed(error)
        try:
            await self._hands.do(_release, UUID(mailbox.attempt_id), event["failure"])
        except (*connections.LOST, Unavailable):
            log.warning("embeddings.hold_left", attempt=mailbox.attempt_id)  # until its lease ends
        mailbox.put(event)


async def _embedded(model: str, message: dict[str, Any]) -> Embedded:
    texts = inputs.texts(message["body"])
    if texts is None:
        raise EngineError(Failure.CLIENT, "token numbers cannot be embedded here")
    memory = message.get("cache", embedding.USUAL)
    embedder = embedders.of(model)
    return await embedding.embedded(embedder, texts, domain=message["domain"], memory=memory)


def _settlement(attempt_id: str, made: Embedded, message: dict[str, Any]) -> Settlement:
    compute_s = prices.seconds(made.compute_s)
    cost = prices.cost_of(
        papers.unpack_price(message["price"]),
        prompt_tokens=made.tokens,
        completion_tokens=0,
        cached_tokens=made.cached_tokens,
        compute_s=compute_s,
    )
    return Settlement(
        attempt_id=UUID(attempt_id),
        cost=cost,
        prompt_tokens=made.tokens,
        cached_tokens=made.cached_tokens,
        compute_s=compute_s,
    )


def _settle(settlement: Settlement) -> None:
    """Its hold lives as long as a request may, so there is one, or the client has left."""
    _book(ledger.settle, [settlement])


def _release(attempt_id: UUID, failure: str) -> None:
    _book(functools.partial(ledger.release, failure=failure), [attempt_id])


def _book(verb: Callable[..., object], subjects: list[Any]) -> None:
    try:
        verb(connections.current(), subjects)
    except connections.LOST:
        connections.drop()
        raise


def _done(made: Embedded, booked: Settlement) -> Event:
    usage = (booked.prompt_tokens, 0, booked.cached_tokens, 0, False, made.compute_s)
    return {"kind": "done", "usage": usage, "cost": str(booked.cost)}


def body(made: Embedded, asked: Body, model: str) -> Body:
    """OpenAI's answer; its library asks for base64 and decodes it, because that is shorter."""
    coded = asked.get("encoding_format") == "base64"
    rows = (base64.b64encode(row.tobytes()).decode() if coded else row for row in made.vectors)
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": row}
            for index, row in enumerate(rows)
        ],
        "model": model,
        "usage": {
            "prompt_tokens": made.tokens,
            "total_tokens": made.tokens,
            "prompt_tokens_details": {"cached_tokens": made.cached_tokens},
            "truncated_inputs": made.truncated,
        },
    }


def _failed(error: EngineError) -> Event:
    full = error.failure is Failure.SERVER and error.retry_after_s is not None
    return {
        "kind": "failed",
        "failure": BUSY if full else error.failure.value,
        "message": error.message,
        "retry_after_s": error.retry_after_s,
        "cost": str(Decimal(0)),
    }
