"""The web's end of the wire: sends calls to workers and sorts their events into mailboxes."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections import deque
from typing import Any, Protocol

import orjson
import structlog
from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError

from routing import answers, bus, gauges
from routing.bus import Event
from routing.failover import together
from routing.fairness import waiting
from routing.fairness.turns import Turn

log = structlog.get_logger(__name__)

HELLO_EVERY_S = 5.0
LOOK_EVERY_S = 0.5
STARTED_GRACE_S = 2.0
"""A worker that has just begun may not have said yet that it lives."""
NO_WORKER_S = 15.0
"""The supervisor brings a dead worker back within seconds; a call waits that long for it."""
BUS_LOST: Event = {"kind": "failed", "failure": "bus", "message": "the event bus was lost"}
WORKER_LOST: Event = {"kind": "failed", "failure": "worker", "message": "the worker was lost"}
UNCLAIMED_GRACE_S = 1.0
UNCLAIMED: Event = {
    "kind": "failed",
    "failure": "unclaimed",
    "message": "the worker that took the call died before it began",
}
NO_WORKER: Event = {
    "kind": "failed",
    "failure": "no-worker",
    "message": "no worker of its queue is running",
}


CROWDED = 64
"""From so many waiting events on, text joins the last one: a slow reader must not cost memory."""


def _joined(last: Event, event: Event) -> bool:
    both = last["kind"] == event["kind"] == "delta" and last.get("content")
    return bool(both) and answers.absorb(last["chunk"], event["chunk"])


class Mailbox:
    """The events of one attempt, in order."""

    __slots__ = (
        "_arrived",
        "_events",
        "attempt_id",
        "call",
        "is_exact",
        "is_missed",
        "place",
        "queue",
        "sent_at",
        "started_at",
        "why",
        "witnesses",
        "worker",
    )

    def __init__(self, attempt_id: str, queue: str, call: bytes = b"") -> None:
        self.attempt_id = attempt_id
        self.queue = queue
        self.place = waiting.mouth(queue)
        self.call = call
        self.witnesses: frozenset[str] | None = None
        """The workers that lived when it was sent, as soon as somebody has looked."""
        self.is_missed = False
        self.is_exact = False
        """Its events stay as they came: somebody else may be told the same, to the byte."""
        self.worker = ""
        self.why = ""
        """It was cancelled, as its worker writes it into the book."""
        self.sent_at = time.monotonic()
        self.started_at = 0.0
        self._events: deque[Event] = deque()
        self._arrived: asyncio.Future[None] | None = None

    def put(self, event: Event) -> None:
        if event["kind"] == "started":
            self.worker = event["worker"]
            self.started_at = time.monotonic()
            self.call = b""
        apart = self.is_exact or len(self._events) < CROWDED
        if apart or not _joined(self._events[-1], event):
            self._events.append(event)
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    async def next(self) -> Event:
        while not self._events:
            self._arrived = asyncio.get_running_loop().create_future()
            await self._arrived
        return self._events.popleft()


class Line(Protocol):
    """Takes calls and gives back where their events arrive."""

    def send(self, queue: str, attempt_id: str, message: dict[str, Any]) -> Mailbox: ...

    def cancel(self, mailbox: Mailbox) -> None: ...

    def forget(self, mailbox: Mailbox) -> None: ...


class Switchboard:
    """One for each web process; `open` before the first call, `close` after the last."""

    def __init__(self) -> None:
        self.web = uuid.uuid4().hex
        self._redis = bus.connect()
        self._reader = bus.connect(read_timeout_s=None)
        self._outbox = bus.Outbox(self._redis, on_failure=self._unsent)
        self._mailboxes: dict[str, Mailbox] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._trouble = asyncio.Event()
        self._trouble.set()

    async def open(self) -> None:
        with contextlib.suppress(RedisError, OSError):
            await self._hello()
        chores = (self._read(), self._say_hello(), self._look_for_workers())
        watches = (gauges.watch(self._redis), together.watch(self._redis, self.web))
        for chore in (*chores, *watches):
            self._tasks.append(asyncio.create_task(chore))

    async def close(self) -> None:
        await bus.end(self._tasks)
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            await asyncio.wait_for(self._outbox.drained(), 2.0)
            await self._redis.delete(bus.events_key(self.web))
            await together.leave(self._redis, self.web)
        await self._redis.aclose()
        await self._reader.aclose()

    def send(self, queue: str, attempt_id: str, message: dict[str, Any]) -> Mailbox:
        call = orjson.dumps({**message, "attempt": attempt_id, "web": self.web})
        mailbox = self._mailboxes[attempt_id] = Mailbox(attempt_id, queue, call)
        if self._trouble.is_set():
            mailbox.put(BUS_LOST)
            return mailbox
        turn = _turn(message)
        mailbox.place = waiting.place(queue, turn)
        self._outbox.put(attempt_id, *waiting.put(queue, turn, call))
        return mailbox

    def cancel(self, mailbox: Mailbox) -> None:
        key = bus.cancels_key(mailbox.queue)
        gone = orjson.dumps([f"{mailbox.attempt_id}/{mailbox.why}"])
        self._outbox.put(None, "XADD", key, "MAXLEN", "~", 10_000, "*", "e", gone)

    def forget(self, mailbox: Mailbox) -> None:
        self._mailboxes.pop(mailbox.attempt_id, None)

    @property
    def redis(self) -> Redis:
        """For what else a web process says to Redis in passing."""
        return self._redis

    @property
    def waiting(self) -> int:
        return len(self._mailboxes)

    async def _read(self) -> None:
        key = bus.events_key(self.web)
        async for event in bus.read_stream(self._reader, key, on_trouble=self._lost, trim=True):
            mailbox = self._mailboxes.get(event.get("attempt", ""))
            if mailbox is not None:
                mailbox.put(event)

    def _lost(self) -> None:
        """Events may be missing from here on: say so rather than let anybody wait.

        Nothing more is sent until our stream is known to be there: workers do not make it.
        """
        self._trouble.set()
        for mailbox in self._mailboxes.values():
            mailbox.put(BUS_LOST)

    def _unsent(self, attempt_ids: list[Any]) -> None:
        for attempt_id in attempt_ids:
            if attempt_id in self._mailboxes:
                self._mailboxes[attempt_id].put(BUS_LOST)

    async def _say_hello(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._trouble.wait(), HELLO_EVERY_S)
            try:
                await self._hello()
            except (RedisError, OSError):
                await asyncio.sleep(bus.PAUSE_AFTER_TROUBLE_S)

    async def _hello(self) -> None:
        key = bus.events_key(self.web)
        hello = orjson.dumps([{"kind": "hello"}])
        add = ("XADD", key, "MAXLEN", "~", bus.EVENTS_KEPT, "*", "e", hello)
        await bus.write(self._redis, [add, ("EXPIRE", key, bus.STREAM_LIFE_S)])
        self._trouble.clear()

    async def _look_for_workers(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if not self._mailboxes:
                continue
            with contextlib.suppress(RedisError, OSError):
                await self._look()

    async def _look(self) -> None:
        found = self._redis.scan_iter(match=bus.worker_key("*"), count=1000)
        alive = frozenset({name.decode().rpartition(":")[2] async for name in found})
        for mailbox in list(self._mailboxes.values()):
            if mailbox.worker:
                _tell_if_abandoned(mailbox, alive)
            else:
                await self._tell_if_unclaimed(mailbox, alive)

    async def _tell_if_unclaimed(self, mailbox: Mailbox, alive: frozenset[str]) -> None:
        """After its lease nobody can claim a hold any more: who took the call died with it."""
        served = frozenset(name for name in alive if name.startswith(mailbox.queue + "."))
        waited_s = time.monotonic() - mailbox.sent_at
        if mailbox.witnesses is None:
            mailbox.witnesses = served
        if not served and waited_s > NO_WORKER_S:
            mailbox.put(NO_WORKER)
        elif served and waited_s > settings.KORA_LEASE_S + UNCLAIMED_GRACE_S:
            mailbox.put(UNCLAIMED)
        elif mailbox.witnesses and not mailbox.witnesses & served:
            await self._tell_if_missed(mailbox)

    async def _tell_if_missed(self, mailbox: Mailbox) -> None:
        """All who could have taken it are dead. If it is not in its queue any more, one of them
        had; a look later, because a new worker may have taken it and be about to say so."""
        looks = [("LPOS", where, mailbox.call) for where in (mailbox.place, _mouth(mailbox))]
        is_gone = not any(at is not None for at in await bus.write(self._redis, looks))
        if is_gone and mailbox.is_missed:
            mailbox.put(UNCLAIMED)
        mailbox.is_missed = is_gone


def _mouth(mailbox: Mailbox) -> str:
    """Looked at after its place: calls move on from there to here, never back."""
    return waiting.mouth(mailbox.queue)


def _turn(message: dict[str, Any]) -> Turn:
    return Turn(
        team=message.get("domain", ""),
        share=message.get("share", 1),
        priority=message.get("class", "normal"),
    )


def _tell_if_abandoned(mailbox: Mailbox, alive: frozenset[str]) -> None:
    runs_s = time.monotonic() - mailbox.started_at
    if mailbox.worker not in alive and runs_s > STARTED_GRACE_S:
        mailbox.put(WORKER_LOST)
