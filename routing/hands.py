"""The web's own threads for synchronous steps, handed over and back at little cost.

`concurrent.futures` would do; docs/decisions.md says what it cost and how it differs on cancelling.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from queue import SimpleQueue
from typing import Any

from routing.errors import QueueFull
from routing.fairness import places
from routing.fairness.drains import Drain
from routing.fairness.turns import Turn, Turns

Work = Callable[..., Any]

NEW_AT_MOST = 2000
"""Requests that may wait for their first step in one process."""
LATER_EVERY = 16
"""What nobody waits for gets one of so many turns while there is other work."""
nobody_waits: ContextVar[bool] = ContextVar("nobody_waits", default=False)
"""Set in a task whose steps may wait until those of requests are done."""


class Job:
    """One step: begun by a thread or taken back by who asked, never both."""

    __slots__ = ("_right_to_begin", "args", "done", "work")

    def __init__(self, work: Work, args: tuple[Any, ...], done: asyncio.Future[Any]) -> None:
        self.work = work
        self.args = args
        self.done = done
        self._right_to_begin = [True]

    def claim(self) -> bool:
        """Popping from a list is atomic, so of two claims exactly one succeeds."""
        try:
            return self._right_to_begin.pop()
        except IndexError:
            return False


class Line:
    """Steps that wait for a thread: those of requests under way first, so that what was begun is
    finished; then new requests, the teams in turn; then what nobody waits for."""

    def __init__(self, places_: int) -> None:
        self._lock = threading.Lock()
        self._under_way: deque[Job] = deque()
        self._new: Turns[Job] = Turns()
        self._later: deque[Job] = deque()
        self._shares: dict[str, int] = {}
        self._drain = Drain()
        self._places = places_
        self._turn = 0

    def put(self, job: Job) -> None:
        (self._later if nobody_waits.get() else self._under_way).append(job)

    def put_new(self, job: Job, turn: Turn) -> None:
        with self._lock:
            over = places.over(turn, self._new.held, self._shares, self._places)
            if over:
                wait_s = self._drain.promise(time.monotonic(), leaving=over)
                raise QueueFull("Too many requests wait to be looked at.", retry_after_s=wait_s)
            self._shares[turn.team] = turn.share
            self._new.put(job, turn)

    def take(self) -> Job:
        """One for each that was put."""
        with self._lock:
            self._turn += 1
            if self._later and self._turn % LATER_EVERY == 0:
                return self._later.popleft()
            if self._under_way:
                return self._under_way.popleft()
            return self._take_new() if self._new.count else self._later.popleft()

    def _take_new(self) -> Job:
        was_full = self._new.count * 2 > self._places
        self._drain.left(time.monotonic(), was_full=was_full)
        job = self._new.take()
        if not self._new.count:
            self._shares.clear()
        return job

    @property
    def filled(self) -> float:
        """Of the places for new requests."""
        return self._new.count / self._places


class Hands:
    """Threads that live as long as the process; each keeps its database connection."""

    def __init__(
        self, count: int, *, at_end: Callable[[], None], places: int = NEW_AT_MOST
    ) -> None:
        self._at_end = at_end
        self._line = Line(places)
        self._calls: SimpleQueue[bool] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"way-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    async def do(self, work: Work, *args: Any) -> Any:
        """A cancelled step that has not begun never does; one that has is waited for first."""
        job = Job(work, args, asyncio.get_running_loop().create_future())
        self._line.put(job)
        return await self._done(job)

    async def admit(self, turn: Turn, work: Work, *args: Any) -> Any:
        """The first step of a request, in its team's turn; `QueueFull` where too many wait."""
        job = Job(work, args, asyncio.get_running_loop().create_future())
        self._line.put_new(job, turn)
        return await self._done(job)

    @property
    def filled(self) -> float:
        """How much of the room for requests that wait is taken, from 0 to 1."""
        return self._line.filled

    async def _done(self, job: Job) -> Any:
        self._calls.put(True)
        try:
            return await asyncio.shield(job.done)
        except asyncio.CancelledError:
            if not job.claim():
                # What it does must be known before it is undone.
                await asyncio.wait((job.done,))
                job.done.exception()
            raise

    def close(self) -> None:
        """Waits for what has been asked, then each thread says `at_end` and ends."""
        for _ in self._threads:
            self._calls.put(False)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while self._calls.get():
            job = self._line.take()
            if job.claim():
                _do(job)
        self._at_end()


def _do(job: Job) -> None:
    result, error = None, None
    try:
        result = job.work(*job.args)
    except BaseException as raised:  # noqa: BLE001
        error = raised
    try:
        job.done.get_loop().call_soon_threadsafe(_deliver, job.done, result, error)
    except RuntimeError:
        return  # the loop has closed: nobody waits any more


def _deliver(done: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)
