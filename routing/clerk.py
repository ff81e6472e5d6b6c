"""The worker's one hand on the book: claims, settlements and releases of many calls in one trip."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import structlog

from analytics import ledger
from analytics.values import Progress, Settlement
from routing import connections, papers
from routing.errors import Unavailable
from routing.idempotency import rows
from routing.idempotency.values import LEASES, Kept, Mine

log = structlog.get_logger(__name__)

MOST_IN_ONE_TRIP = 500
PAUSE_AFTER_TROUBLE_S = 0.5
CLAIM_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class _Job:
    verb: str
    subject: Any
    done: asyncio.Future[bool]
    asked_at: float


class Clerk:
    """A thread that takes everything asked so far, does each verb once for all, and answers.

    Settlements and releases are repeated until Postgres takes them; a claim is given up, because
    its caller has other backends to try.
    """

    def __init__(self, *, worker: str, lease_s: float) -> None:
        self._worker = worker
        self._lease_s = lease_s
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="clerk", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, *, patience_s: float) -> None:
        """Returns when all that was asked is written, or patience has run out."""
        self._jobs.put(None)
        self._thread.join(patience_s)

    async def claim(self, attempt_id: UUID) -> bool:
        return await self._ask("claim", attempt_id)

    async def settle(
        self, settlement: Settlement, packed: papers.Packed, kept: Kept | None = None
    ) -> bool:
        """Whether it is booked by this call, with its hold or by the papers of its call; an answer
        that is kept for those who ask again is on disk together with it."""
        return await self._ask("settle", (settlement, packed, kept))

    async def release(self, attempt_id: UUID, failure: str) -> bool:
        return await self._ask("release", (attempt_id, failure))

    async def renew(self, running: list[Progress]) -> bool:
        """All of a worker's calls in one trip, with how far each has come."""
        return await self._ask("renew", running)

    async def hold(self, kept_for: list[Mine]) -> bool:
        """The rows of idempotent requests whose calls run here."""
        return await self._ask("hold", kept_for) if kept_for else True

    async def _ask(self, verb: str, subject: Any) -> bool:
        """Cancelling the one who asks does not take the job back."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()
        self._jobs.put(_Job(verb, subject, done, time.monotonic()))
        return await asyncio.shield(done)

    def _work(self) -> None:
        while (first := self._jobs.get()) is not None:
            jobs, last = self._rest(first)
            for verb in ("claim", "settle", "release", "renew", "hold"):
                self._do(verb, [job for job in jobs if job.verb == verb])
            if last:
                break
        connections.drop()

    def _rest(self, first: _Job) -> tuple[list[_Job], bool]:
        jobs = [first]
        while len(jobs) < MOST_IN_ONE_TRIP:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return jobs, False
            if job is None:
                return jobs, True
            jobs.append(job)
        return jobs, False

    def _do(self, verb: str, jobs: list[_Job]) -> None:
        while jobs:
            try:
                self._verbs[verb](self, jobs)
                return
            except (psycopg.OperationalError, psycopg.InterfaceError, Unavailable) as error:
                log.warning(
                    "clerk.postgres_unreachable", verb=verb, jobs=len(jobs), error=str(error)
                )
                connections.drop()
                jobs = _without_the_impatient(_waiting(jobs))
                time.sleep(PAUSE_AFTER_TROUBLE_S)
            except psycopg.Error as error:
                log.exception("clerk.refused", verb=verb, jobs=len(jobs))
                _one_by_one(_waiting(jobs), error, lambda job: self._verbs[verb](self, [job]))
                return

    def _claim(self, jobs: list[_Job]) -> None:
        ids = [job.subject for job in jobs]
        claimed = ledger.claim(
            connections.current(), ids, worker=self._worker, lease_s=self._lease_s
        )
        _answer(jobs, lambda job: job.subject in claimed)

    def _settle(self, jobs: list[_Job]) -> None:
        plain = [job for job in jobs if job.subject[2] is None]
        if plain:
            self._settle_plain(plain)
        for job in jobs:
            if job.subject[2] is not None:
                self._settle_with_answer(job)

    def _settle_with_answer(self, job: _Job) -> None:
        settlement, _, kept = job.subject
        connection = connections.current()
        with connection.transaction():
            settled = ledger.settle(connection, [settlement])
            rows.draft(connection, kept)
        _answer([job], (lambda _: True) if settled else _adopted)

    def _settle_plain(self, jobs: list[_Job]) -> None:
        settled = ledger.settle(connections.current(), [job.subject[0] for job in jobs])
        _answer([job for job in jobs if job.subject[0].attempt_id in settled], lambda _: True)
        for job in jobs:
            if job.subject[0].attempt_id not in settled:
                _answer([job], _adopted)

    def _release(self, jobs: list[_Job]) -> None:
        by_failure: dict[str, list[_Job]] = {}
        for job in jobs:
            by_failure.setdefault(job.subject[1], []).append(job)
        for failure, group in by_failure.items():
            ids = [job.subject[0] for job in group]
            released = ledger.release(connections.current(), ids, failure=failure)
            _answer(group, lambda job, released=released: job.subject[0] in released)  # type: ignore[misc]

    def _renew(self, jobs: list[_Job]) -> None:
        running = [progress for job in jobs for progress in job.subject]
        ledger.renew(connections.current(), running, lease_s=self._lease_s)
        _answer(jobs, lambda _: True)

    def _hold(self, jobs: list[_Job]) -> None:
        held = [mine for job in jobs for mine in job.subject]
        rows.renew(connections.current(), held, lease_s=self._lease_s * LEASES)
        _answer(jobs, lambda _: True)

    _verbs: dict[str, Callable[[Clerk, list[_Job]], None]] = {
        "claim": _claim,
        "settle": _settle,
        "release": _release,
        "renew": _renew,
        "hold": _hold,
    }


def _adopted(job: _Job) -> bool:
    """A settlement without a live hold: a crash lost it, or somebody ended it before."""
    settlement, packed, _ = job.subject
    words = {"attempt": str(settlement.attempt_id), "cost": str(settlement.cost)}
    try:
        origin, hold = papers.unpack(settlement.attempt_id, packed)
    except (KeyError, TypeError, ValueError):
        log.exception("clerk.settlement_unbooked", **words)
        return False
    kind = ledger.adopt(connections.current(), origin, hold, settlement)
    log.warning("clerk.settlement_late", **words, booked=kind or "nothing: it had ended")
    return bool(kind)


def _answer(jobs: list[_Job], says: Callable[[_Job], bool]) -> None:
    """One wake-up of the event loop for all of a trip's answers."""
    answers = [(job.done, says(job)) for job in jobs]
    if answers:
        _in_loop(answers[0][0], _set_results, answers)


def _in_loop(future: asyncio.Future[bool], work: Callable[..., None], *args: Any) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
        future.get_loop().call_soon_threadsafe(work, *args)


def _set_results(answers: list[tuple[asyncio.Future[bool], bool]]) -> None:
    for done, says in answers:
        if not done.done():
            done.set_result(says)


def _set_exception(done: asyncio.Future[bool], error: Exception) -> None:
    if not done.done():
        done.set_exception(error)


def _waiting(jobs: list[_Job]) -> list[_Job]:
    return [job for job in jobs if not job.done.done()]


def _without_the_impatient(jobs: list[_Job]) -> list[_Job]:
    """Claims past their patience and renewals are answered no; money goes on waiting."""
    now = time.monotonic()
    keep = []
    for job in jobs:
        hopeless = job.verb in {"renew", "hold"} or (
            job.verb == "claim" and now - job.asked_at > CLAIM_PATIENCE_S
        )
        if hopeless:
            _answer([job], lambda _: False)
        else:
            keep.append(job)
    return keep


def _one_by_one(jobs: list[_Job], error: psycopg.Error, do: Callable[[_Job], None]) -> None:
    """One bad row must not take the others of its trip with it."""
    if len(jobs) == 1:
        _in_loop(jobs[0].done, _set_exception, jobs[0].done, error)
        return
    for job in jobs:
        try:
            do(job)
        except psycopg.Error as alone:
            connections.drop()
            _in_loop(job.done, _set_exception, job.done, alone)
