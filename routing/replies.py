"""Replies as the client gets them: headers that say what was done, and a body or a stream."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from decimal import Decimal

import orjson

from caching.values import Match
from routing import answers, closing, execution, labels, marking, scripts
from routing.bus import Event
from routing.calls import Flow
from routing.errors import Stopping
from routing.execution import BrokenStream
from routing.idempotency.values import Told
from routing.way import Room, Way

JSON = "application/json"
EVENT_END = b"\n\n"
SSE = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """`body` when it is whole, `stream` when it comes piece by piece; never both."""

    headers: dict[str, str]
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None
    status: int = 200


def replay(way: Way, match: Match) -> Reply:
    """A stored answer under this request's id, in the mode that was asked for."""
    headers = {
        **labels.common(way, tier=match.tier, backend=match.backend, reason=match.reason),
        **way.limits,
        "x-kora-saved": answers.usd(match.cost),
        "x-kora-cost": answers.usd(Decimal(0)),
        "x-kora-overhead-ms": f"{way.clock.elapsed_ms:.3f}",
        "x-kora-attempts": "0",
    }
    if match.tier != closing.RULED:
        headers["x-kora-cache-age"] = str(int(match.age_s))
    if match.similarity is not None:
        headers["x-kora-similarity"] = f"{match.similarity:.4f}"
    if way.prompt.stream:
        return Reply(headers=headers, stream=_pieces(_replayed(way, match)))
    stored = match.answer
    if way.prompt.form == "text":
        return Reply(headers=headers, body=way.script.whole(orjson.loads(stored)))
    return Reply(headers=headers, body=answers.with_id(stored, way.answer_id))


def _replayed(way: Way, match: Match) -> Iterable[bytes]:
    whole = orjson.loads(match.answer)
    chunks = orjson.loads(match.chunks) if match.chunks else answers.split(whole)
    for chunk in chunks:
        yield way.script.chunk(chunk)
    money = scripts.money(Decimal(0), saved=match.cost, estimated=False)
    yield way.script.last(whole, {**(whole.get("usage") or {}), **money})
    yield answers.DONE


def repeated(way: Way, told: Told) -> Reply:
    """What another request of the same `Idempotency-Key` was told, in the same pieces; what is
    left of limits is of now."""
    headers = {**told.headers, **way.limits, "x-kora-idempotent": "replayed"}
    if not told.streamed:
        return Reply(headers=headers, body=told.answer)
    pieces = (piece + EVENT_END for piece in told.answer.split(EVENT_END) if piece)
    return Reply(headers=headers, stream=_pieces(pieces))


async def _pieces(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def whole(way: Way, room: Room, flow: Flow) -> Reply:
    """A fresh answer that was not streamed."""
    try:
        async with contextlib.aclosing(execution.events(way, room, flow)) as events:
            async for event in events:
                if event["kind"] == "done":
                    return await _whole(way, room, flow, event)
    except BrokenStream as error:
        raise execution.all_failed(way) from error
    raise execution.all_failed(way)


async def _whole(way: Way, room: Room, flow: Flow, done: Event) -> Reply:
    spent = execution.spent(flow.each, done)
    body: answers.Body = done["body"]
    body["usage"] = {**spent.as_usage(), **(body.get("usage") or {})}
    outcome = closing.answered(way, flow.each, spent)
    fresh = closing.fresh_answer(way, flow.each, spent, body=body)
    await closing.finish(way, room, outcome, fresh)
    marking.consider(way, room, fresh)
    headers = {
        **_fresh_headers(way, flow),
        "x-kora-cost": answers.usd(spent.cost),
        "x-kora-saved": answers.usd(Decimal(0)),
        "x-kora-overhead-ms": f"{way.clock.elapsed_ms - closing.waited_ms(way):.3f}",
    }
    return Reply(headers=headers, body=way.script.whole(body))


def stream(way: Way, room: Room, flow: Flow) -> Reply:
    """A fresh answer as it comes; its cost stands in the last chunk's usage."""
    overhead_ms = max(0.0, way.clock.elapsed_ms - closing.waited_ms(way))
    headers = {**_fresh_headers(way, flow), "x-kora-overhead-ms": f"{overhead_ms:.3f}"}
    return Reply(headers=headers, stream=_relayed(way, room, flow))


async def _relayed(way: Way, room: Room, flow: Flow) -> AsyncIterator[bytes]:
    chunks: list[answers.Body] = []
    try:
        async with asyncio.timeout(execution.seconds_left(way)):
            async with contextlib.aclosing(execution.events(way, room, flow)) as events:
                async for event in events:
                    if event["kind"] == "delta":
                        chunks.append(event["chunk"])
                        yield way.script.chunk(event["chunk"])
                    elif event["kind"] == "done":
                        yield await _end(way, room, flow, done=event, chunks=chunks)
        yield answers.DONE
    except BrokenStream as error:
        yield await _broken(way, room, "upstream_failed", str(error))
    except TimeoutError:
        yield await _broken(way, room, "deadline_exceeded", "The deadline passed in mid-stream.")
    except asyncio.CancelledError:
        if room.stopping.is_set():
            yield await _broken(way, room, "unavailable", str(Stopping()))
            return
        await asyncio.shield(closing.cancelled(way, room))
        raise
    except GeneratorExit:
        await asyncio.shield(closing.cancelled(way, room))
        raise
    finally:
        closing.land(way, room, None)


async def _end(
    way: Way, room: Room, flow: Flow, *, done: Event, chunks: list[answers.Body]
) -> bytes:
    spent = execution.spent(flow.each, done)
    body = answers.assemble(chunks, spent.as_usage())
    stored = orjson.dumps([_without_id(chunk) for chunk in chunks])
    fresh = closing.fresh_answer(way, flow.each, spent, body=body, chunks=stored)
    await closing.finish(way, room, closing.answered(way, flow.each, spent), fresh)
    marking.consider(way, room, fresh)
    money = scripts.money(spent.cost, saved=Decimal(0), estimated=spent.estimated)
    return way.script.last(body, {**spent.as_usage(), **money})


async def _broken(way: Way, room: Room, code: str, message: str) -> bytes:
    """After the first content a failure is an error event and no `[DONE]`."""
    status = room.statuses[code]
    await closing.finish(way, room, closing.ended(way, state="failed", status=status, code=code))
    error = {"message": message, "type": "server_error", "code": code, "param": None}
    return answers.error_event({"error": error})


def _fresh_headers(way: Way, flow: Flow) -> dict[str, str]:
    return {**labels.of_attempt(way, flow.each), **way.limits}


def _without_id(chunk: answers.Body) -> answers.Body:
    return {key: value for key, value in chunk.items() if key != "id"}
