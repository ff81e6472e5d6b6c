"""Where a worker carries out calls: takes them from its queue, runs engines, tells, settles."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import astuple
from decimal import Decimal
from typing import Any

import orjson
import psycopg
import structlog
from redis.exceptions import RedisError

from inference import engines
from inference.local import options
from inference.words import Call, Completion, Delta, EngineError, Failure, Target, Usage
from routing import bus, gathering, gauges, loads, targets
from routing.attempts import Attempt
from routing.clerk import Clerk
from routing.errors import Unavailable
from routing.fairness import waiting
from routing.keyrings import Key, Turn
from routing.leases import Leases

log = structlog.get_logger(__name__)

ALIVE_EVERY_S = 1.0
GAUGES_EVERY_S = 0.2
"""A worker of our own models says this often how busy they are: the router chooses by it."""
ALIVE_FOR_MS = {"local": 3_000}
"""A worker that is silent for so long is dead to those who wait for it; native code gives the
processor back to the loop that says so, also while a model is loaded."""
USUALLY_ALIVE_FOR_MS = 5_000
REMEMBERED_CANCELS = 10_000
SETTLE_PATIENCE_S = 5.0
TAKE_AT_MOST = 64
LONGEST_TAKE_S = 3.0
TAKE_PATIENCE_S = 0.25
LOOK_AGAIN_S = 5.0
UNBILLED = frozenset(
    {Failure.KEY_PERMANENT, Failure.KEY_TRANSIENT, Failure.SERVER, Failure.CLIENT,
     Failure.UNSUPPORTED, Failure.CONTEXT, Failure.POLICY, Failure.MALFORMED}
)  # fmt: skip
"""Failures that no provider bills when nothing was produced; of the others nobody knows."""
BUSY = "busy"
"""What is told of a call that our own engine refuses for want of room: no failure of its backend,
so it is not counted as one, and the next backend may have room."""


_here: EngineRoom | None = None


def here() -> EngineRoom | None:
    """The room of this process, if it is a worker's."""
    return _here


class EngineRoom:
    """All calls of one worker process, in one event loop."""

    def __init__(self, *, queue: str, worker: str, slots: int, lease_s: float) -> None:
        self._queue = queue
        self._is_ours = queue == "local"
        self._worker = worker
        self._slots = asyncio.Semaphore(slots)
        self._size = slots
        self._leases = Leases(lease_s, lambda each: each.cost(self._likely(each)))
        self._redis = bus.connect()
        self._taker = bus.connect(read_timeout_s=None)
        self._listener = bus.connect(read_timeout_s=None)
        self._announcer = bus.Announcer(self._redis, on_failure=self._deaf)
        self._clerk = Clerk(worker=worker, lease_s=lease_s)
        self._engines = engines.open_engines()
        self._running: dict[str, tuple[asyncio.Task[None], Attempt]] = {}
        self._cancelled: OrderedDict[str, None] = OrderedDict()
        self._asides: set[asyncio.Future[None]] = set()
        self._open = True

    async def work(self, stop: asyncio.Event, *, drain_s: float) -> None:
        global _here
        _here, self._loop = self, asyncio.get_running_loop()
        self._clerk.start()
        chores = [
            asyncio.create_task(chore)
            for chore in (self._stay_alive(), self._take(), self._listen(), self._renew())
        ]
        chores.append(asyncio.create_task(self._warm()))
        await stop.wait()
        self._open = False
        await asyncio.wait(chores[1:2], timeout=LONGEST_TAKE_S)
        await self._drain(drain_s)
        await bus.end(chores)
        await self._close()

    async def _drain(self, drain_s: float) -> None:
        tasks = [task for task, _ in self._running.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=drain_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _close(self) -> None:
        global _here
        _here = None if _here is self else _here
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._announcer.drained(), 2.0)
        await asyncio.to_thread(self._clerk.stop, patience_s=10.0)
        await self._engines.close()
        with contextlib.suppress(RedisError, OSError):
            await self._redis.delete(bus.worker_key(self._worker))
        for client in (self._redis, self._taker, self._listener):
            await client.aclose()

    def try_out(self, target: Target, call: Call) -> None:
        """From another thread: a call outside the book, by the engine that already has the model.

        Raises what the engine raises, or TimeoutError.
        """
        asked = asyncio.run_coroutine_threadsafe(self._try_out(target, call), self._loop)
        try:
            asked.result(call.deadline_s)
        finally:
            asked.cancel()

    async def _try_out(self, target: Target, call: Call) -> None:
        engine = self._engines.for_kind(target.kind)
        async with contextlib.aclosing(engine.run(target, call)) as events:
            async for _ in events:
                pass

    # Chores

    async def _warm(self) -> None:
        """The first call should not pay for what it needs: a library, or a model in memory.

        A model that could not be loaded or was taken out is asked for again and again: the router
        sends no calls that would find it mended or forgiven.
        """
        if self._queue == "cloud":
            self._engines.warm()
            return
        loaded = False
        while True:
            if loaded:
                await self._ask_again()
            loaded = loaded or await self._load(lambda _: True)
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _ask_again(self) -> None:
        said = self._engines.gauges()
        if any(each.state in gauges.GIVEN_UP for each in said):
            await self._load(
                lambda target: gauges.given_up(said, target.model, options.label(target.options))
            )

    async def _load(self, wanted: Callable[[Target], bool]) -> bool:
        """Whether it is known what to load; without Postgres it is not."""
        try:
            ours = await asyncio.to_thread(targets.ours)
        except (psycopg.Error, Unavailable):
            return False
        for target in filter(wanted, ours):
            with contextlib.suppress(EngineError):
                await self._engines.load(target)
        return True

    async def _stay_alive(self) -> None:
        every_s = GAUGES_EVERY_S if self._is_ours else ALIVE_EVERY_S
        for_ms = ALIVE_FOR_MS.get(self._queue, USUALLY_ALIVE_FOR_MS)
        for beat in itertools.count(1):
            with contextlib.suppress(RedisError, OSError):
                state = orjson.dumps(self._state(beat))
                await self._redis.set(bus.worker_key(self._worker), state, px=for_ms)
            await asyncio.sleep(every_s)

    def _state(self, beat: int) -> dict[str, Any]:
        """`beat` tells those who read it that we live, without comparing clocks."""
        state = {"queue": self._queue, "running": len(self._running), "slots": self._size}
        models = {"models": self._engines.gauges()} if self._is_ours else {}
        return {**state, "beat": beat, **models}

    async def _take(self) -> None:
        """A full room takes nothing, so calls wait in the queue where all can see them."""
        mouth = waiting.mouth(self._queue)
        while self._open:  # never cancelled: a call popped off the list would be lost
            await self._slots.acquire()
            self._slots.release()
            try:
                first = await self._taker.blpop([mouth], timeout=TAKE_PATIENCE_S)
                if first is not None:
                    await self._slots.acquire()
                    self._begin(orjson.loads(first[1]))
                # Also with no room for more: whoever takes a call lets the next ones move on.
                free = max(0, min(self._size - len(self._running), TAKE_AT_MOST))
                for raw in (await bus.write(self._taker, [waiting.take(self._queue, free)]))[0]:
                    await self._slots.acquire()
                    self._begin(orjson.loads(raw))
            except (RedisError, OSError) as error:
                log.warning("engine_room.queue_unreachable", error=str(error))
                await asyncio.sleep(bus.PAUSE_AFTER_TROUBLE_S)

    def _begin(self, message: dict[str, Any]) -> None:
        attempt = Attempt(message)
        attempt_id = attempt.attempt_id
        task = asyncio.create_task(self._carry_out(attempt))
        self._running[attempt_id] = (task, attempt)
        task.add_done_callback(lambda _: self._ended(attempt_id))
        if attempt_id in self._cancelled:
            task.cancel()

    def _ended(self, attempt_id: str) -> None:
        self._running.pop(attempt_id, None)
        self._slots.release()

    async def _listen(self) -> None:
        key = bus.cancels_key(self._queue)
        async for said in bus.read_stream(self._listener, key, on_trouble=lambda: None):
            name, _, why = str(said).partition("/")
            self._cancelled[name] = None
            while len(self._cancelled) > REMEMBERED_CANCELS:
                self._cancelled.popitem(last=False)
            if name in self._running:
                task, attempt = self._running[name]
                attempt.gone = why or attempt.gone
                task.cancel()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._leases.pause_s)
            now = time.monotonic()
            if due := self._leases.due((attempt for _, attempt in self._running.values()), now):
                await self._clerk.renew([self._leases.told(each, now) for each in due])
                await self._clerk.hold([each.recording.mine for each in due if each.recording])

    def _deaf(self, webs: list[str]) -> None:
        """These web processes cannot hear us and have already told their clients so."""
        for task, attempt in list(self._running.values()):
            if attempt.web in webs and attempt.recording is None:
                task.cancel()

    # One call

    async def _carry_out(self, attempt: Attempt) -> None:
        try:
            if await self._claimed(attempt):
                await self._run(attempt)
        except asyncio.CancelledError:
            await asyncio.shield(self._clerk.release(attempt.uuid, Failure.CANCELLED.value))
        except Exception:
            log.exception("engine_room.crashed", attempt=attempt.attempt_id)
            await self._fail(attempt, EngineError(Failure.SERVER, "the worker failed"))

    async def _claimed(self, attempt: Attempt) -> bool:
        if attempt.seconds_left <= 0:
            await self._clerk.release(attempt.uuid, Failure.TIMEOUT.value)
            self._tell(
                attempt, "failed", failure="timeout", message="it waited too long in the queue"
            )
            return False
        if not await self._clerk.claim(attempt.uuid):
            self._tell(attempt, "failed", failure="withdrawn", message="the hold had ended")
            return False
        self._tell(attempt, "started", worker=self._worker)
        return True

    async def _run(self, attempt: Attempt) -> None:
        try:
            target = await targets.find(attempt.backend_id, attempt.version)
            attempt.model, attempt.began = target.model, time.perf_counter()
            call = Call(
                body=attempt.body,
                stream=attempt.stream,
                deadline_s=attempt.seconds_left,
                domain=attempt.domain,
                priority=attempt.priority,
                form=attempt.form,
            )
            turn = attempt.turn = self._turn(attempt, target)
            engine = self._engines.for_kind(target.kind)
            coming = gathering.events(engine, target, call, turn=turn, count=attempt.count)
            async with contextlib.aclosing(coming) as events:
                async for event in events:
                    if isinstance(event, Completion):
                        await self._finish(attempt, event)
                        return
                    self._pass_on(attempt, event)
            await self._fail(attempt, EngineError(Failure.CUT, "the backend stopped in between"))
        except EngineError as error:
            await self._fail(attempt, error)
        except asyncio.CancelledError:
            gone = EngineError(Failure.CANCELLED, "the call was cancelled")
            await asyncio.shield(self._fail(attempt, gone))

    def _turn(self, attempt: Attempt, target: Target) -> Turn:
        """Through the keys of this backend; one that is refused is written down for everybody."""

        def refused(key: Key, why: str) -> None:
            work = asyncio.to_thread(targets.refuse, attempt.backend_id, key.key_id, why)
            task = asyncio.ensure_future(work)
            self._asides.add(task)
            task.add_done_callback(self._asides.discard)

        ring = targets.ring(attempt.backend_id, target)
        return Turn(ring=ring, left_s=lambda: attempt.seconds_left, on_refused=refused)

    def _pass_on(self, attempt: Attempt, delta: Delta) -> None:
        first = {"ms": attempt.engine_ms} if delta.has_content and not attempt.has_content else {}
        attempt.has_content = attempt.has_content or delta.has_content
        if attempt.recording is not None:
            attempt.recording.add(delta.chunk)
        self._tell(attempt, "delta", chunk=delta.chunk, content=delta.has_content, **first)

    async def _finish(self, attempt: Attempt, completion: Completion) -> None:
        """On disk before the client is told: what was answered is in the book."""
        cost = attempt.cost(completion.usage)
        attempt.stop()
        if attempt.recording is not None:
            attempt.kept = attempt.recording.ended(completion, cost)
        await self._settle(attempt, completion.usage, cost)
        usage = completion.usage
        self._tell(
            attempt,
            "done",
            body=completion.body,
            cost=str(cost),
            ms=attempt.engine_ms,
            usage=astuple(usage),
            keys=attempt.keys,
        )

    async def _fail(self, attempt: Attempt, error: EngineError) -> None:
        attempt.stop()
        cost, usage = Decimal(0), Usage(prompt_tokens=0, completion_tokens=0)
        if attempt.produced == 0 and (error.failure in UNBILLED or not attempt.began):
            await self._clerk.release(attempt.uuid, self._word_of(attempt, error))
        else:
            usage = self._likely(attempt)
            cost = attempt.cost(usage)
            await self._settle(attempt, usage, cost, failure=self._word_of(attempt, error))
        self._tell(
            attempt,
            "failed",
            failure=self._word_of(attempt, error),
            message=error.message,
            param=error.param,
            retry_after_s=error.retry_after_s,
            status=error.status,
            permanent=error.permanent,
            ms=attempt.engine_ms,
            cost=str(cost),
            compute_s=usage.compute_s,
            keys=attempt.keys,
        )

    def _word_of(self, attempt: Attempt, error: EngineError) -> str:
        if error.failure is Failure.CANCELLED:
            return attempt.gone
        refused = error.failure is Failure.SERVER and error.retry_after_s is not None
        return BUSY if self._is_ours and refused else error.failure.value

    def _likely(self, attempt: Attempt) -> Usage:
        """What a call used that ended before its engine could say."""
        compute_s = 0.0
        if self._is_ours:
            compute_s = loads.likely_compute_s(
                gauges.load_in(self._engines.gauges(), attempt.model),
                attempt.prompt_tokens,
                attempt.produced,
                took_s=attempt.engine_ms / 1000,
            )
        return attempt.likely(compute_s)

    async def _settle(
        self, attempt: Attempt, usage: Usage, cost: Decimal, failure: str = ""
    ) -> None:
        settlement = attempt.settlement(usage, cost, failure)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(
                self._clerk.settle(settlement, attempt.papers, attempt.kept), SETTLE_PATIENCE_S
            )

    def _tell(self, attempt: Attempt, kind: str, **facts: Any) -> None:
        self._announcer.tell(attempt.web, {"kind": kind, "attempt": attempt.attempt_id, **facts})
