"""What it takes to be let in: holds on one hot window and in four, beside settlements."""

from __future__ import annotations

import argparse
import contextlib
import random
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from multiprocessing import get_context
from typing import Any
from uuid import UUID, uuid4

import psycopg

from analytics import ledger
from analytics.values import Held, Hold, Origin, Settlement, Span
from benchmarks import kora, suite
from benchmarks.faults.bench import Found, Given
from benchmarks.faults.book import Book
from benchmarks.kora import Kora
from benchmarks.overhead import Bar

PROCESSES = 2
CALLERS = (1, 4, 16)
WINDOWS = (1, 4)
ENOUGH = 1_000_000_000
AMOUNT = Decimal("0.001")
BATCH = 50
"""Settlements in one trip at most; a worker takes as many as have gathered."""
P50_MS = 2.0
RATE = 300.0


@dataclass(frozen=True, kw_only=True)
class Load:
    """What one process of the load is told."""

    url: str
    team_id: int
    budget_ids: tuple[int, ...]
    callers: int
    seconds: float
    every_s: float = 0.0
    """Between two holds of one caller; 0: as fast as it goes."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--admission-seconds", type=float, default=4.0, help="for each row")


def measure(given: Given) -> Found:
    with contextlib.ExitStack() as stack:
        folder = suite.folder(stack, keep=given.options.keep)
        running = stack.enter_context(kora.serving(folder, backends=[]))
        book = Book(home=kora.home_in(folder))
        budgets = [_budget(running, number) for number in range(max(WINDOWS))]
        (team,) = book.rows("SELECT id FROM teams_team WHERE name = 'default'")
        rows = []
        for windows in WINDOWS:
            for callers in CALLERS:
                load = Load(
                    url=book.services["database_url"],
                    team_id=team["id"],
                    budget_ids=tuple(budgets[:windows]),
                    callers=max(1, callers // PROCESSES),
                    seconds=given.options.admission_seconds,
                )
                rows.append(_row(load, min(callers, PROCESSES)))
            paced = replace(load, every_s=max(CALLERS) / RATE)
            rows.append(_row(paced, PROCESSES))
        wrong = book.check()
    return {"rows": rows, "books": wrong or "agree"}


def _budget(running: Kora, number: int) -> int:
    body = {
        "name": f"hot-{number}",
        "scope": "tag",
        "scope_id": f"hot={number}",
        "limit_usd": str(ENOUGH),
        "window": "total",
    }
    status, told = kora.post(f"{running.url}/api/budgets/", body, running.admin_key)
    if status != 201:
        raise SystemExit(f"KORA refused a budget: {status} {told}")
    return int(told["id"])


def _row(load: Load, processes: int) -> dict[str, Any]:
    began = time.monotonic()
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        times = sorted(ms for some in pool.map(_press, [load] * processes) for ms in some)
    row = {
        "windows": len(load.budget_ids),
        "callers": load.callers * processes,
        "processes": processes,
        "offered_per_s": RATE if load.every_s else None,
        "held": len(times),
        "per_s": round(len(times) / load.seconds, 1),
        "p50_ms": round(statistics.median(times), 3),
        "p99_ms": round(times[int(len(times) * 0.99)], 3),
    }
    suite.say(f"{_line(row)}   ({time.monotonic() - began:.1f} s)")
    return row


def _press(load: Load) -> list[float]:
    """In a process of its own: so many callers that hold, and one who settles after them."""
    start = threading.Barrier(load.callers + 1)
    held: list[UUID] = []
    stop = threading.Event()
    with ThreadPoolExecutor(load.callers + 1) as pool:
        settling = pool.submit(_settle, load, start, held, stop)
        callers = [pool.submit(_hold, load, start, held) for _ in range(load.callers)]
        times = [ms for caller in callers for ms in caller.result()]
        stop.set()
        settling.result()
    return times


def _hold(load: Load, start: threading.Barrier, held: list[UUID]) -> list[float]:
    times = []
    with psycopg.connect(load.url, autocommit=True) as connection:
        _once(connection, load, held)
        start.wait()
        began = time.perf_counter()
        due = began + random.uniform(0, load.every_s)
        while due < began + load.seconds:
            time.sleep(max(0.0, due - time.perf_counter()))
            _once(connection, load, held)
            times.append((time.perf_counter() - due) * 1000)
            due = due + load.every_s if load.every_s else time.perf_counter()
    return times


def _once(connection: psycopg.Connection[Any], load: Load, held: list[UUID]) -> None:
    hold = Hold(
        attempt_id=uuid4(),
        number=1,
        backend="hot",
        tier="cloud",
        amount=AMOUNT,
        price_id=None,
        lease_s=60.0,
        spans=tuple(_span(budget_id) for budget_id in load.budget_ids),
    )
    answer = ledger.hold(connection, _origin(load), hold)
    if answer != Held():
        raise SystemExit(f"a window of a milliard had no room: {answer}")
    held.append(hold.attempt_id)


def _span(budget_id: int) -> Span:
    first = datetime(1970, 1, 1, tzinfo=UTC)
    return Span(budget_id=budget_id, starts_at=first, ends_at=first + timedelta(days=99_999))


def _origin(load: Load) -> Origin:
    return Origin(
        exchange_id=uuid4(),
        at=datetime.now(UTC),
        team_id=load.team_id,
        team="default",
        key_public="hot",
        key_name="hot",
        model_asked="auto",
        streamed=False,
        policy=1,
    )


def _settle(load: Load, start: threading.Barrier, held: list[UUID], stop: threading.Event) -> None:
    """As a worker's clerk does: whatever has gathered, in one trip, on disk when it returns."""
    with psycopg.connect(load.url, autocommit=True) as connection:
        start.wait()
        while held or not stop.is_set():
            batch = [held.pop() for _ in range(min(BATCH, len(held)))]
            told = [Settlement(attempt_id=each, cost=AMOUNT / 2) for each in batch]
            ledger.settle(connection, told)
            stop.wait(0 if batch else 0.005)


def table(found: Found) -> str:
    head = (
        f"{'windows':>7} {'callers':>8} {'processes':>10} {'offered/s':>9} {'held':>8} {'/s':>9} "
    )
    head += f"{'p50 ms':>8} {'p99 ms':>8}"
    return "\n".join([head, *map(_line, found["rows"]), f"books: {found['books']}"])


def _line(row: dict[str, Any]) -> str:
    offered = "all" if row["offered_per_s"] is None else f"{row['offered_per_s']:.0f}"
    return (
        f"{row['windows']:>7} {row['callers']:>8} {row['processes']:>10} {offered:>9} "
        f"{row['held']:>8} "
        f"{row['per_s']:>9} {row['p50_ms']:>8} {row['p99_ms']:>8}"
    )


def bars(found: Found) -> list[Bar]:
    hot = [row for row in found["rows"] if row["windows"] == 1]
    alone = _best(hot, lambda row: row["callers"] == 1, "p50_ms")
    busiest = max(row["per_s"] for row in hot if row["offered_per_s"] is None)
    return [
        Bar(
            text="admission: p50 in ms, one caller, one hot window, settlements beside it",
            value=alone,
            bound=P50_MS,
            at_most=True,
        ),
        Bar(
            text=f"admission: p50 in ms from the moment due, {RATE:.0f} a second, one hot window",
            value=_best(hot, lambda row: row["offered_per_s"], "p50_ms"),
            bound=P50_MS,
            at_most=True,
        ),
        Bar(
            text=f"admission: holds a second on one hot window, {PROCESSES} processes",
            value=busiest,
            bound=RATE,
            at_most=False,
        ),
    ]


def _best(rows: list[dict[str, Any]], wanted: Callable[[Any], bool], name: str) -> float | None:
    return min((float(row[name]) for row in rows if wanted(row)), default=None)
