"""The web's own threads for synchronous steps, handed over and back at little cost.

`concurrent.futures` would do; docs/decisions.md says what it cost and how it differs on cancelling.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

Work = Callable[..., Any]


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


class Hands:
    """Threads that live as long as the process; each keeps its database connection."""

    def __init__(self, count: int, *, at_end: Callable[[], None]) -> None:
        self._at_end = at_end
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"way-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    async def do(self, work: Work, *args: Any) -> Any:
        """A cancelled step that has not begun never does; one that has is waited for first."""
        job = Job(work, args, asyncio.get_running_loop().create_future())
        self._jobs.put(job)
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
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
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
