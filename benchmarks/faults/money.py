"""Two hundred callers and a cap worth ten, in four nested windows, while all else is killed."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg

from benchmarks import suite
from benchmarks.faults.bench import Found, Given
from benchmarks.faults.book import Book
from benchmarks.overhead import Bar
from tests import running
from tests.faults import asking, plant
from tests.faults.asking import Asker
from tests.faults.plant import LEASE_S, SLACK_S, SWEEP_EVERY_S, ExtraWorker, Plant

AT_ONCE = 200
WORTH = 10
ROOM = (1, 1.3, 1.7, 3)
"""The caps of the four windows, in caps worth ten; which scope has the narrowest changes."""
SCOPES = ("organisation", "team", "key", "tag")
PERIODS = ("day", "week", "month", "total")
FAULTS = ("", "web", "redis", "postgres", "cloud")
LEARNT_S = 1.0
"""A web process knows of a new budget within this time."""
LOOK_EVERY_S = 0.03
ARRIVE_WITHIN_S = 5.0
"""Until the first hold of a round is seen."""
MODEL = "steady"

STANDING = """
SELECT b.id, b.name, w.settled, w.held, b.limit_usd FROM analytics_budgetwindow w
JOIN analytics_budget b ON b.id = w.budget_id WHERE b.name LIKE %s
"""
LIVE = "SELECT count(*) AS n FROM analytics_attempt WHERE state IN ('held', 'running')"
STUCK = LIVE + " AND lease_until < now() - %s * interval '1 second'"
ENDED = """
SELECT a.state, a.cost, count(r.id) FILTER (WHERE r.kind = 'settlement') AS settlements,
    count(r.id) FILTER (WHERE r.kind = 'correction') AS corrections
FROM analytics_attempt a JOIN analytics_exchange e ON e.id = a.exchange_id
LEFT JOIN analytics_ledgerrow r ON r.attempt_id = a.id
WHERE e.tags ->> 'race' = %s GROUP BY a.id
"""


@dataclass(kw_only=True)
class Round:
    """What one round was and what came of it; money in parts of one request's worst case."""

    name: str
    narrowest: str
    fault: str
    endings: dict[str, int] = field(default_factory=dict)
    settled: int = 0
    spent: float = 0.0
    most: float = 0.0
    """The fullest any window was seen, in parts of its cap."""
    overspent: float = 0.0
    stuck: int = 0
    doubled: int = 0
    dishonest: int = 0
    took_s: float = 0.0


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=50, help="of `money`")
    parser.add_argument("--web-processes", type=int, default=2, help="of `money`")


def measure(given: Given) -> Found:
    with contextlib.ExitStack() as stack:
        factory = _started(stack, suite.folder(stack, keep=given.options.keep), given)
        extra = ExtraWorker(kora=factory.kora)
        stack.callback(extra.kill)
        extra.start()
        rounds = asyncio.run(_rounds(factory, extra, given))
        running.eventually(factory.answers, within_s=60, what="an answer after it all")
        books = Book(home=factory.kora.home).check() or "agree"
    return {"at_once": AT_ONCE, "worth": WORTH, "books": books, "rounds": list(map(asdict, rounds))}


def _started(stack: contextlib.ExitStack, folder: Path, given: Given) -> Plant:
    processes = str(given.options.web_processes)
    variables = {**plant.VARIABLES, "KORA_WEB_PROCESSES": processes}
    kora = running.Kora(home=folder / "home", variables=variables)
    stack.callback(kora.stop)
    kora.start()
    made = Plant(kora=kora)
    stack.callback(made.http.close)
    made.sandbox(MODEL, reply=plant.TEN_WORDS, first_token_ms=200, token_ms=30)
    made.await_models(MODEL)
    return made


async def _rounds(factory: Plant, extra: ExtraWorker, given: Given) -> list[Round]:
    dice = random.Random(given.seed)
    done = []
    async with asking.opened() as http:
        one = await _worst_case(factory, Asker(plant=factory, http=http))
        for number in range(given.options.rounds):
            this = Round(
                name=f"r{number:03}",
                narrowest=SCOPES[number % len(SCOPES)],
                fault=FAULTS[number % len(FAULTS)],
            )
            with _budgets(factory, this, one) as key:
                asker = Asker(plant=factory, http=http, key=key)
                await _race(this, asker, extra, one=one, dice=dice)
            suite.say(_line(asdict(this)))
            done.append(this)
    return done


async def _worst_case(factory: Plant, asker: Asker) -> Decimal:
    """Of the question that everybody asks; a key of its own, so that lengths are the same."""
    asker.key = factory.key("first", MODEL)
    told = await asker.ask(MODEL, tags="race=first")
    booked = factory.booked(told.session)
    if booked is None or not booked.attempts[0]["amount"]:
        raise SystemExit(f"nothing was held for the first request: {told}")
    amount: Decimal = booked.attempts[0]["amount"]
    return amount


@contextlib.contextmanager
def _budgets(factory: Plant, this: Round, one: Decimal) -> Iterator[str]:
    """Four budgets that every request of the round falls under, and the key it asks with."""
    made = factory.post("keys", {"name": this.name, "models": [MODEL]})
    targets = {
        "organisation": {},
        "team": {"scope_id": "default"},
        "key": {"scope_id": str(made["id"])},
        "tag": {"scope_id": f"race={this.name}"},
    }
    begin = SCOPES.index(this.narrowest)
    ids = []
    for place, scope in enumerate((*SCOPES[begin:], *SCOPES[:begin])):
        body = {
            "name": f"{this.name}-{scope}",
            "scope": scope,
            **targets[scope],
            "limit_usd": f"{one * WORTH * Decimal(str(ROOM[place])):.12f}",
            "window": PERIODS[place],
        }
        ids.append(_patient(lambda body=body: factory.post("budgets", body))["id"])
    time.sleep(LEARNT_S)
    yield str(made["key"])
    for budget_id in ids:
        _patient(lambda pk=budget_id: factory.http.delete(f"/budgets/{pk}/"))


def _patient(work: Any, patience_s: float = 30.0) -> Any:
    """What was killed in the round before may not be back yet."""
    ends_s = time.monotonic() + patience_s
    while True:
        try:
            return work()
        except (httpx.HTTPError, psycopg.OperationalError, AssertionError):
            if time.monotonic() > ends_s:
                raise
            time.sleep(0.3)


async def _race(
    this: Round, asker: Asker, extra: ExtraWorker, *, one: Decimal, dice: random.Random
) -> None:
    began = time.monotonic()
    with _watched(asker.plant, this):
        killing = asyncio.create_task(_break(this, asker.plant, extra, dice))
        tolds = await asker.ask_many(AT_ONCE, MODEL, tags=f"race={this.name}")
        await killing
        await asyncio.to_thread(_wait_for_the_end, asker.plant)
    this.endings = dict(Counter(told.ending for told in tolds))
    this.dishonest = sum(not told.is_honest() for told in tolds)
    this.stuck = _rows(asker.plant, STUCK, SWEEP_EVERY_S + SLACK_S)[0]["n"]
    _judge(this, _rows(asker.plant, ENDED, this.name), one)
    this.took_s = round(time.monotonic() - began, 1)


def _judge(this: Round, ended: list[dict[str, Any]], one: Decimal) -> None:
    spent = sum((row["cost"] for row in ended), Decimal(0))
    this.settled = sum(row["state"] == "settled" for row in ended)
    this.spent = float(spent / one)
    this.overspent = max(this.overspent, this.spent - WORTH)
    this.doubled = sum(
        row["settlements"] + row["corrections"] > 1
        or row["settlements"] != (row["state"] == "settled")
        for row in ended
        if not row["corrections"]
    )


@contextlib.contextmanager
def _watched(factory: Plant, this: Round) -> Iterator[None]:
    """What is settled and held in each window, looked at all the time and once more at the end."""
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(LOOK_EVERY_S):
            with contextlib.suppress(psycopg.Error, OSError, ValueError):
                _measure_windows(factory.rows(STANDING, f"{this.name}-%"), this)

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    yield
    stop.set()
    looking.join()
    _measure_windows(_rows(factory, STANDING, f"{this.name}-%"), this)


def _measure_windows(windows: list[dict[str, Any]], this: Round) -> None:
    for window in windows:
        used, limit = window["settled"] + window["held"], window["limit_usd"]
        this.most = max(this.most, float(used / limit))
        this.overspent = max(this.overspent, float((used - limit) / limit * WORTH))


async def _break(this: Round, factory: Plant, extra: ExtraWorker, dice: random.Random) -> None:
    """Any moment from the first hold to the last answer: a worker always, one other thing often."""
    patient_until_s = time.monotonic() + ARRIVE_WITHIN_S
    while not this.most and time.monotonic() < patient_until_s:
        await asyncio.sleep(LOOK_EVERY_S)
    await asyncio.sleep(dice.uniform(0, 0.6))
    await asyncio.to_thread(_hit, this.fault, factory, dice)
    await asyncio.sleep(dice.uniform(0, 0.5))
    await asyncio.to_thread(extra.kill)
    extra.start()


def _hit(fault: str, factory: Plant, dice: random.Random) -> None:
    """Web and worker are killed; Redis and Postgres are restarted as an operator would."""
    names = sorted(name for name in factory.kora.pids if name.startswith(fault)) if fault else []
    if not names:
        return
    gentle = {"postgres": signal.SIGINT, "redis": signal.SIGTERM}
    with contextlib.suppress(ProcessLookupError):
        factory.kora.kill(dice.choice(names), gentle.get(fault, signal.SIGKILL))


def _wait_for_the_end(factory: Plant) -> None:
    """Of every hold; those that outlive their leases are counted, not waited for."""
    ends_s = time.monotonic() + LEASE_S + SWEEP_EVERY_S + SLACK_S + 20
    while _rows(factory, LIVE)[0]["n"] and time.monotonic() < ends_s:
        time.sleep(0.1)


def _rows(factory: Plant, query: str, *parameters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _patient(lambda: factory.rows(query, *parameters))
    return found


def table(found: Found) -> str:
    head = (
        f"{'round':<6} {'narrowest':<13} {'killed':<9} {'settled':>7} {'spent':>7} {'fullest':>8} "
        f"{'over':>6} {'stuck':>6} {'double':>6}  endings"
    )
    words = f"Money in worst cases of one request; the cap is worth {found['worth']}."
    lines = [_line(each) for each in found["rounds"]]
    return "\n".join([words, head, *lines, f"books: {found['books']}"])


def _line(this: dict[str, Any]) -> str:
    endings = " ".join(f"{name} {count}" for name, count in sorted(this["endings"].items()))
    return (
        f"{this['name']:<6} {this['narrowest']:<13} {this['fault'] or '-':<9} "
        f"{this['settled']:>7} {this['spent']:>7.3f} {this['most']:>8.3f} "
        f"{this['overspent']:>6.3f} {this['stuck']:>6} {this['doubled']:>6}  {endings}"
    )


def bars(found: Found) -> list[Bar]:
    rounds = found["rounds"]
    worst = max((each["overspent"] for each in rounds), default=None)
    told = f"in {len(rounds)} rounds of {found['at_once']} callers"
    return [
        Bar(
            text=f"money: worst overspend, in requests, {told}", value=worst, bound=0, at_most=True
        ),
        _sum("holds that outlive their lease", rounds, "stuck"),
        _sum("attempts settled twice", rounds, "doubled"),
        _sum("answers that are neither whole nor an error", rounds, "dishonest"),
        Bar(
            text="money: figures of the book that disagree",
            value=float(found["books"] != "agree"),
            bound=0,
            at_most=True,
        ),
    ]


def _sum(text: str, rounds: list[dict[str, Any]], name: str) -> Bar:
    total = float(sum(each[name] for each in rounds))
    return Bar(text=f"money: {text}", value=total, bound=0, at_most=True)
