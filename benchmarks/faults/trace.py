"""A recorded hour of a code assistant at its own pace, one provider failing in the middle."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import aiohttp

from benchmarks import kora, suite
from benchmarks.faults import recorded
from benchmarks.faults.bench import Found, Given
from benchmarks.faults.book import Book
from benchmarks.faults.recorded import Arrival
from benchmarks.faults.riding import ANSWERED, LOST, PATIENCE_S, REFUSED_FOR_NOW, Ride, Rider
from benchmarks.faults.watching import Watch
from benchmarks.kora import Kora
from benchmarks.overhead import Bar
from tests.faults.lab import provider, scripts
from tests.faults.lab.provider import Lab
from tests.faults.lab.scripts import Manner

FAILS_S = 300.0
PROVIDERS: Mapping[str, Mapping[str, str]] = {
    "cheap": {"kind": "openai-compatible", "price_in": "1", "price_out": "4"},
    "usual": {"kind": "openai-compatible", "price_in": "2", "price_out": "8"},
    "dear": {"kind": "cloud", "price_in": "4", "price_out": "16"},
}
FAILING = "cheap"
TEAMS = {"editor": 0.5, "review": 0.3, "search": 0.15, "limited": 0.05}
"""Each with its share of the requests."""
LIMITED, LIMIT_SHARE = "limited", 0.9
"""That team may ask this much of what it asks on average, so that it is told to wait."""
QUIET_SHARE = 0.1
"""Of the time: until then caches fill, and memory is not compared."""
SETTLED_WITHIN_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """When what happens, in seconds from the beginning."""

    arrivals: Sequence[Arrival]
    length_s: float
    fails_s: float
    recovers_s: float


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, default=20, help="of `trace`, around its peak")
    parser.add_argument("--token-ms", type=float, default=10, help="between two tokens of `trace`")
    parser.add_argument("--first-ms", type=float, default=250, help="before the first one")


def measure(given: Given) -> Found | None:
    every = recorded.read()
    if every is None:
        return None
    plan = planned(every, given.options.minutes)
    with contextlib.ExitStack() as stack:
        folder = suite.folder(stack, keep=given.options.keep)
        lab = stack.enter_context(provider.in_process())
        manner = Manner(
            words=-1,
            first_s=given.options.first_ms / 1000,
            word_s=given.options.token_ms / 1000,
        )
        for name in PROVIDERS:
            _plays(lab, name, manner)
        running = stack.enter_context(kora.serving(folder, backends=_backends(lab)))
        keys = _teams(running, plan)
        book = Book(home=kora.home_in(folder))
        rides = _drawn(plan, random.Random(given.seed))
        watch = Watch(pid=running.pid, redis_url=book.services["redis_url"], backend=FAILING)
        began_s = asyncio.run(_replayed(running, lab, plan, rides, keys, manner, watch))
        money = _money(lab, book)
        return found(plan, rides, watch) | _failures(lab, plan, watch, began_s) | money


def planned(every: Sequence[Arrival], minutes: float) -> Plan:
    chosen = recorded.window(every, minutes)
    length_s = minutes * recorded.MINUTE_S
    outage_s = min(FAILS_S, length_s / 4)
    fails_s = (length_s - outage_s) / 2
    return Plan(arrivals=chosen, length_s=length_s, fails_s=fails_s, recovers_s=fails_s + outage_s)


def _backends(lab: Lab) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "model": f"openai/{name}" if terms["kind"] == "cloud" else name,
            "api_base": lab.api_base(name),
            "secret": f"sk-{name}",
            "context": 64_000,
            "max_output": 8_000,
            "max_parallel": 500,
            **terms,
        }
        for name, terms in PROVIDERS.items()
    ]


def _plays(lab: Lab, name: str, *manners: Manner, **more: Any) -> None:
    terms = PROVIDERS[name]
    price = {"price_in": terms["price_in"], "price_out": terms["price_out"]}
    lab.play(name, *manners, **price, **more)


def _teams(running: Kora, plan: Plan) -> dict[str, str]:
    """A key for each, which may use these backends only."""
    keys = {}
    per_minute = len(plan.arrivals) / plan.length_s * 60
    for name, share in TEAMS.items():
        limit = max(int(per_minute * share * LIMIT_SHARE), 1) if name == LIMITED else None
        _post(running, "teams", {"name": name, "requests_per_minute": limit})
        wanted = {"name": name, "team": name, "models": list(PROVIDERS)}
        keys[name] = str(_post(running, "keys", wanted)["key"])
    return keys


def _post(running: Kora, path: str, content: dict[str, Any]) -> dict[str, Any]:
    status, told = kora.post(f"{running.url}/api/{path}/", content, running.admin_key)
    if status != 201:
        raise SystemExit(f"KORA refused {path} {content}: {status} {told}")
    return told


def _drawn(plan: Plan, chance: random.Random) -> list[Ride]:
    teams, shares = list(TEAMS), list(TEAMS.values())
    return [
        Ride(
            arrival=each,
            team=chance.choices(teams, shares)[0],
            stream=chance.random() < 0.5,
        )
        for each in plan.arrivals
    ]


async def _replayed(
    running: Kora,
    lab: Lab,
    plan: Plan,
    rides: Sequence[Ride],
    keys: dict[str, str],
    manner: Manner,
    watch: Watch,
) -> float:
    suite.say(
        f"{len(rides)} requests in {plan.length_s / 60:g} minutes; {FAILING} fails from "
        f"{plan.fails_s:.0f} to {plan.recovers_s:.0f} s …"
    )
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as http:
        rider = Rider(http=http, url=running.chat, keys=keys)
        await asyncio.gather(*map(rider.ride, _warming(plan)))
        began_s = time.monotonic()
        watching = asyncio.create_task(watch.run())
        breaking = asyncio.create_task(_break(lab, plan, manner))
        await asyncio.gather(*(_at(began_s, ride, rider) for ride in rides))
        await breaking
        left_s = began_s + plan.length_s - time.monotonic()
        await asyncio.sleep(max(left_s, 0.0) + 1.0)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    return began_s


def _warming(plan: Plan) -> list[Ride]:
    """The fullest second, lived once before the clock starts: what it makes grow has grown."""
    second, _ = recorded.peak(plan.arrivals)
    fullest = [each for each in plan.arrivals if int(each.at_s) == second]
    unlimited = next(name for name in TEAMS if name != LIMITED)
    return [
        Ride(arrival=each, team=unlimited, stream=bool(n % 2)) for n, each in enumerate(fullest)
    ]


async def _at(began_s: float, ride: Ride, rider: Rider) -> None:
    await asyncio.sleep(max(began_s + ride.arrival.at_s - time.monotonic(), 0.0))
    await rider.ride(ride)


async def _break(lab: Lab, plan: Plan, manner: Manner) -> None:
    """It refuses everything, also those who only ask whether it is there; then it is well again."""
    await asyncio.sleep(plan.fails_s)
    suite.say(f"{FAILING} fails")
    down = scripts.ALWAYS_DOWN[0]
    await asyncio.to_thread(_plays, lab, FAILING, down, models_status=503)
    await asyncio.sleep(plan.recovers_s - plan.fails_s)
    suite.say(f"{FAILING} is well again")
    await asyncio.to_thread(_plays, lab, FAILING, manner)


# What came of it


def found(plan: Plan, rides: Sequence[Ride], watch: Watch) -> Found:
    told = [ride for ride in rides if ride.told]
    memory = {f"{share:.0%}": dict(watch.memory_at(share)) for share in (QUIET_SHARE, 0.5, 1.0)}
    peak_at, peak = recorded.peak(plan.arrivals)
    return {
        "minutes": plan.length_s / 60,
        "peak": {"second": peak_at, "requests": peak},
        "rows": [
            _row("before", rides, 0.0, plan.fails_s),
            _row("failing", rides, plan.fails_s, plan.recovers_s),
            _row("after", rides, plan.recovers_s, plan.length_s),
            _row("all", rides, 0.0, plan.length_s),
        ],
        "lost": sum(ride.outcome == LOST for ride in rides),
        "why": dict(Counter(ride.why for ride in rides if ride.why).most_common(5)),
        "told_to_wait": len(told),
        "admitted_when_told": sum(len(r.told) == 1 and not _is_429(r) for r in told),
        "admitted_within_twice": sum(not _is_429(r) for r in told),
        "told_longest_s": max((wait or 0.0 for ride in told for wait in ride.told), default=0.0),
        "memory_mb": memory,
    }


def _is_429(ride: Ride) -> bool:
    return ride.outcome in REFUSED_FOR_NOW


def _row(name: str, rides: Sequence[Ride], from_s: float, to_s: float) -> dict[str, Any]:
    mine = [ride for ride in rides if from_s <= ride.arrival.at_s < to_s]
    answered = [ride for ride in mine if ride.outcome == ANSWERED]
    refused = Counter(ride.outcome for ride in mine if ride.outcome not in (ANSWERED, LOST))
    first = sorted(ride.first_ms for ride in answered if ride.first_ms is not None)
    return {
        "name": name,
        "requests": len(mine),
        "answered": len(answered),
        "refused": dict(refused),
        "first_p50_ms": _percentile(first, 0.5),
        "first_p99_ms": _percentile(first, 0.99),
        "by_backend": dict(Counter(ride.backend for ride in answered)),
    }


def _percentile(values: Sequence[float], share: float) -> float | None:
    return round(values[min(int(share * len(values)), len(values) - 1)], 1) if values else None


def _failures(lab: Lab, plan: Plan, watch: Watch, began_s: float) -> Found:
    fails_s, recovers_s = began_s + plan.fails_s, began_s + plan.recovers_s
    failed = [each.at_s for each in lab.log(FAILING) if each.status != 200]
    opened_s = watch.opened_after(fails_s)
    closed_s = watch.closed_for_good_after(recovers_s)
    return {
        "failures": len(failed),
        "failures_until_open": (
            None if opened_s is None else sum(at_s <= opened_s for at_s in failed)
        ),
        "closed_after_s": None if closed_s is None else round(closed_s - recovers_s, 2),
        "probes": lab.bill()[FAILING]["probes"],
        "changes_s": [(round(at_s - began_s, 1), is_open) for at_s, is_open in watch.changes],
    }


def _money(lab: Lab, book: Book) -> Found:
    ends_s = time.monotonic() + SETTLED_WITHIN_S
    while book.open_holds() and time.monotonic() < ends_s:
        time.sleep(0.5)
    bills, spent = lab.bill(), book.spent(list(PROVIDERS))
    rows = {
        name: {"booked": str(spent.get(name, 0)), "billed": bills[name]["usd"]}
        for name in PROVIDERS
    }
    apart = sum(abs(Decimal(row["booked"]) - Decimal(row["billed"])) for row in rows.values())
    return {
        "money": rows,
        "money_apart_usd": float(apart),
        "open_holds": book.open_holds(),
        "books": book.check() or "agree",
    }


def table(found: Found) -> str:
    head = (
        f"{'when':<10}{'requests':>9}{'answered':>10}{'first p50':>11}{'p99 ms':>9}  "
        "refused; answered by"
    )
    lines = [f"{found['minutes']:g} minutes, {found['peak']['requests']} requests in the "
             f"fullest second\n", head, "-" * len(head)]  # fmt: skip
    for row in found["rows"]:
        p50, p99 = suite.figure(row["first_p50_ms"], 0), suite.figure(row["first_p99_ms"], 0)
        lines.append(
            f"{row['name']:<10}{row['requests']:>9}{row['answered']:>10}{p50:>11}{p99:>9}  "
            f"{row['refused'] or '-'}; {row['by_backend']}"
        )
    lines += [
        f"lost: {found['lost']}; said: {found['why'] or 'nothing'}",
        f"told to wait: {found['told_to_wait']}, of these admitted when they came again: "
        f"{found['admitted_when_told']}, within twice that time: "
        f"{found['admitted_within_twice']}; longest {found['told_longest_s']:g} s",
        f"{FAILING}: {found['failures']} calls failed, {found['failures_until_open']} until the "
        f"breaker opened; closed {found['closed_after_s']} s after the recovery; "
        f"{found['probes']} probes; changes {found['changes_s']}",
        *(f"memory at {share}: {mb}" for share, mb in found["memory_mb"].items()),
        *(f"{name}: booked {row['booked']}, billed {row['billed']}"
          for name, row in found["money"].items()),
        f"open holds: {found['open_holds']}; books: {found['books']}",
    ]  # fmt: skip
    return "\n".join(lines)


def bars(found: Found) -> list[Bar]:
    start, end = found["memory_mb"][f"{QUIET_SHARE:.0%}"], found["memory_mb"]["100%"]
    told = found["told_to_wait"]
    truthful = found["admitted_when_told"] / told if told else None
    return [
        Bar(text="trace: requests lost", value=found["lost"], bound=0, at_most=True),
        Bar(text="trace: share of 429s whose told time was right", value=truthful,
            bound=1.0, at_most=False),
        Bar(text="trace: failures until the breaker opened", value=found["failures_until_open"],
            bound=10, at_most=True),
        Bar(text="trace: seconds from the recovery to the closed breaker",
            value=found["closed_after_s"], bound=30, at_most=True),
        *(Bar(text=f"trace: memory of the {name} at the end, of that at {QUIET_SHARE:.0%}",
              value=round(end[name] / start[name], 3), bound=1.1, at_most=True)
          for name in ("web", "cloud worker") if start.get(name) and name in end),
        Bar(text="trace: USD between the book and the providers' bills",
            value=found["money_apart_usd"], bound=0, at_most=True),
        Bar(text="trace: holds left open", value=found["open_holds"], bound=0, at_most=True),
    ]  # fmt: skip
