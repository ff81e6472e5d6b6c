"""Backends that speak OpenAI's protocol themselves: the hot path, passed through by one session."""

from __future__ import annotations

import asyncio
import functools
import io
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import aiohttp
import orjson
from yarl import URL

from inference import chunks, failures, inflate, sse, texts
from inference.timing import Clock
from inference.words import Body, Call, Completion, Delta, EngineError, Event, Failure, Target

ANSWER_LIMIT = 32 * 1024 * 1024
STREAM_LIMIT = 128 * 1024 * 1024
REFUSAL_LIMIT = 64 * 1024
LARGE_BODY = 512 * 1024
DONE = b"[DONE]"
PATHS = {"chat": "chat/completions", "text": "completions", "embeddings": "embeddings"}


class Passthrough:
    """One connection pool for all such backends; belongs to the loop that first runs a call."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def run(self, target: Target, call: Call) -> AsyncGenerator[Event, None]:
        clock = Clock(target.timeouts, call)
        with Translated(clock):
            response = await self._post(target, call, clock)
        try:
            if response.status != 200:
                raise await _refused(response, target, clock)
            if not call.stream:
                yield await _whole(response, target, call, clock)
                return
            with Translated(clock):
                stream = Stream(response, target, call, clock)
            while not stream.ended:
                for delta in await stream.read():
                    yield delta
            yield await stream.completion()
        finally:
            # Gives the connection back if the answer was read to its end, else closes it, which
            # is how the upstream learns that nobody listens any more.
            response.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _post(self, target: Target, call: Call, clock: Clock) -> aiohttp.ClientResponse:
        raw = orjson.dumps(_asked(target, call))
        async with asyncio.timeout_at(clock.until):
            return await self._opened().post(
                _endpoint(target.api_base, call.form),
                # aiohttp writes large bytes in one go, and warns; a file it writes in pieces.
                data=raw if len(raw) < LARGE_BODY else io.BytesIO(raw),
                headers=_headers(target),
                allow_redirects=False,
                timeout=_connecting(target.timeouts.connect_s),
            )

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                skip_auto_headers=("Accept",),
                headers={
                    "Content-Type": "application/json",
                    "Accept-Encoding": "identity",
                    "User-Agent": "kora",
                },
            )
        return self._session


class Stream:
    """An answer as it comes. No generator: one inside another would be closed late."""

    def __init__(
        self, response: aiohttp.ClientResponse, target: Target, call: Call, clock: Clock
    ) -> None:
        self._response = response
        self._target = target
        self._is_text = call.form == "text"
        self._clock = clock
        self._reading = chunks.Reading(call.body)
        self._reader = sse.EventReader()
        self._inflater = inflate.for_encoding(_encoding(response), limit=STREAM_LIMIT)
        self.ended = False

    async def read(self) -> Iterator[Delta]:
        with Translated(self._clock):
            received = await _read(self._response, self._clock)
        return self._deltas(received)

    def _deltas(self, received: bytes) -> Iterator[Delta]:
        with Translated(self._clock):
            for event in self._events(received):
                if event == DONE:
                    self.ended = True
                    return
                chunk = _chunk(event, self._target)
                delta = self._reading.take(
                    texts.as_chat(chunk, part="delta") if self._is_text else chunk
                )
                if delta is None:
                    continue
                if delta.has_content:
                    self._clock.content()
                yield delta

    def _events(self, received: bytes) -> list[bytes]:
        if received:
            return self._reader.feed(self._inflater.feed(received))
        self.ended = True
        last = self._reader.end()
        return [last] if last else []

    async def completion(self) -> Completion:
        if not self._reading.finished:
            raise EngineError(Failure.CUT, "the stream ended without a finish")
        await self._drain()
        return self._reading.completion()

    async def _drain(self) -> None:
        """Reads the end behind [DONE], so that the connection can serve the next call."""
        self._clock.end_soon()
        try:
            while not self._response.content.at_eof():
                await _read(self._response, self._clock)
        except (TimeoutError, aiohttp.ClientError):
            pass  # the answer is whole; the connection is closed instead of kept


def _chunk(event: bytes, target: Target) -> Body:
    chunk = orjson.loads(event)
    if not isinstance(chunk, dict):
        raise chunks.MisshapenError
    if chunk.get("error"):
        raise failures.inside(chunk["error"], secret=target.secret)
    return chunk


async def _whole(
    response: aiohttp.ClientResponse, target: Target, call: Call, clock: Clock
) -> Completion:
    with Translated(clock):
        answer = _chunk(await _body(response, clock, limit=ANSWER_LIMIT), target)
        if call.form == "embeddings":
            return chunks.vectors(answer, asked=call.body)
        if call.form == "text":
            answer = texts.as_chat(answer, part="message")
        return chunks.completion(answer, asked=call.body)


async def _refused(response: aiohttp.ClientResponse, target: Target, clock: Clock) -> EngineError:
    try:
        with Translated(clock):
            raw = await _body(response, clock, limit=REFUSAL_LIMIT)
    except EngineError:
        raw = b""  # the status alone says enough
    return failures.refusal(response.status, response.headers, raw, secret=target.secret)


async def _read(response: aiohttp.ClientResponse, clock: Clock) -> bytes:
    """The bytes that have come, or none at the end."""
    async with asyncio.timeout_at(clock.until):
        return await response.content.readany()


async def _body(response: aiohttp.ClientResponse, clock: Clock, *, limit: int) -> bytes:
    inflater = inflate.for_encoding(_encoding(response), limit=limit)
    pieces = [inflater.feed(await _read(response, clock))]
    while not response.content.at_eof():
        pieces.append(inflater.feed(await _read(response, clock)))
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Translated:
    """Turns what the network and the parsers raise into the one failure they amount to."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, Exception) or isinstance(error, EngineError):
            return
        if isinstance(error, TimeoutError):
            raise EngineError(Failure.TIMEOUT, f"no {self._clock.waiting_for} in time") from None
        for kinds, failure, message in TROUBLE:
            if isinstance(error, kinds):
                raise EngineError(failure, message) from None


TROUBLE: tuple[tuple[tuple[type[Exception], ...], Failure, str], ...] = (
    ((aiohttp.ClientPayloadError,), Failure.CUT, "the connection ended inside the answer"),
    ((aiohttp.InvalidURL,), Failure.SERVER, "the backend's api_base is no URL"),
    ((aiohttp.ClientConnectorError,), Failure.SERVER, "the backend cannot be reached"),
    ((aiohttp.ClientError, OSError), Failure.SERVER, "the connection to the backend failed"),
    ((orjson.JSONDecodeError,), Failure.MALFORMED, "the answer is no JSON"),
    ((chunks.MisshapenError,), Failure.MALFORMED, "the answer is no chat completion"),
    ((inflate.TooLargeError,), Failure.MALFORMED, "the answer is larger than any honest one"),
    ((sse.LineTooLongError,), Failure.MALFORMED, "a line is longer than any honest one"),
    ((inflate.UndecodableError,), Failure.MALFORMED, "the answer's encoding cannot be read"),
    ((orjson.JSONEncodeError,), Failure.CLIENT, "the request cannot be written as JSON"),
)


def _asked(target: Target, call: Call) -> Body:
    asked: dict[str, Any] = {**call.body, "model": target.model, "stream": call.stream}
    if call.stream:
        asked["stream_options"] = {**(call.body.get("stream_options") or {}), "include_usage": True}
    else:
        asked.pop("stream_options", None)
    if call.form == "embeddings":
        del asked["stream"]
    return asked


def _headers(target: Target) -> dict[str, str]:
    return {"Authorization": f"Bearer {target.secret}"} if target.secret else {}


def _encoding(response: aiohttp.ClientResponse) -> str:
    return response.headers.get("Content-Encoding", "")


@functools.lru_cache(maxsize=256)
def _endpoint(api_base: str, form: str) -> URL:
    try:
        return URL(f"{api_base.rstrip('/')}/{PATHS[form]}")
    except ValueError:
        raise aiohttp.InvalidURL(api_base) from None


@functools.lru_cache(maxsize=64)
def _connecting(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=seconds)
