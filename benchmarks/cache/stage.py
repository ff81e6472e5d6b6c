"""The semantic stage inside a whole KORA: its milliseconds, and many callers beside one."""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import psycopg

from benchmarks import kora, overhead, processes, suite
from benchmarks.cache import planning, stored
from benchmarks.cache.planning import Made, Plan
from benchmarks.embed import texts
from benchmarks.embed.callers import CALLERS
from benchmarks.overhead import Bar
from benchmarks.suite import Busy

ENTRIES, QUESTIONS = 100_000, 300
REAL_SHARE = 0.1
"""Of the entries, those with a text and the vector that KORA's embedder makes of it."""
ROUNDS = 4
WARM = 40
BLIND_S = 6.0
"""So long a web process may not know of a new graph."""
Found = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    request: str
    tier: str
    ms: float


def measure(folder: Path, entries: int, number: int, made: Made) -> Found:
    reworded = WARM + number + ROUNDS * together(number)
    plan = planning.planned(round(entries * REAL_SHARE), number, reworded, made)
    with ExitStack() as stack:
        upstream, _ = overhead.start_mock(stack, folder)
        served = stack.enter_context(kora.serving(folder, backends=kora.mocked(upstream)[:1]))
        with psycopg.connect(stored.database(kora.home_in(folder)), autocommit=True) as connection:
            suite.say(f"storing {entries:,} entries …")
            team = stored.store(connection, plan, entries)
            _agree(served, team, entries)
            built_s = stored.build(connection)
        time.sleep(BLIND_S)
        busy = Busy([served.pid])
        found = asyncio.run(_asked(served, plan, number))
        return {"entries": entries, "built_s": built_s, **found, "others": busy.others_cores()}


def together(number: int) -> int:
    """Requests of a round in which many ask: as many for each, and enough to fill their seats."""
    return CALLERS * max(2, number // CALLERS)


def _agree(served: kora.Kora, team: int, entries: int) -> None:
    """Served by the static threshold, never asked again, and none evicted."""
    terms = {
        "static_threshold": planning.THRESHOLD,
        "shadow_share": 0,
        "rows": 2 * entries + 10_000,
        "bytes": 10**12,
    }
    request = urllib.request.Request(
        f"{served.url}/api/cache/terms/{team}/",
        json.dumps(terms).encode(),
        {"Authorization": f"Bearer {served.admin_key}", "Content-Type": "application/json"},
        method="PATCH",
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()


async def _asked(served: kora.Kora, plan: Plan, number: int) -> Found:
    headers = {"authorization": f"Bearer {served.key}"}
    connector = aiohttp.TCPConnector(limit=CALLERS)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        return await _Asking(session, served, plan).measured(number)


class _Asking:
    def __init__(self, session: aiohttp.ClientSession, served: kora.Kora, plan: Plan) -> None:
        self.session, self.url, self.chat = session, served.url, served.chat
        self.pid = served.pid
        self.served, self.others = iter(plan.served), iter(plan.others)

    async def measured(self, number: int) -> Found:
        await self.by_one(self.served, WARM)
        alone = number - number // 3
        one: list[Heard] = []
        rates: list[tuple[float, float]] = []
        many: list[Heard] = []
        spent: Counter[str] = Counter()
        for _ in range(ROUNDS):
            heard, one_s = await self.by_one(self.served, alone // ROUNDS)
            before = processes.cpu_ms([self.pid])
            crowd, many_s = await self.by_many(self.served, together(number))
            spent.update(processes.spent_ms(before, processes.cpu_ms([self.pid])))
            rates.append((hits(heard) / one_s, hits(crowd) / many_s))
            one, many = one + heard, many + crowd
        odd, _ = await self.by_one(self.others, number - len(one))
        receipts = [await self.receipt(each) for each in (*one, *odd)]
        unserved = [await self.receipt(each) for each in many if each.tier != "semantic"]
        return {
            **_told(one, odd, receipts),
            "unserved": Counter(each["misses"]["semantic"] for each in unserved),
            "one_a_second": statistics.median(one for one, _ in rates),
            "many_a_second": statistics.median(many for _, many in rates),
            "cpu_ms": {name: ms / len(many) for name, ms in spent.items()},
            "many": len(many),
            "many_hits": hits(many),
            "many_p50_ms": texts.middle([each.ms for each in many], 0.5),
        }

    async def by_one(self, asked: Iterator[str], number: int) -> tuple[list[Heard], float]:
        began = time.perf_counter()
        heard = [await self.ask(text) for text in itertools.islice(asked, number)]
        return heard, time.perf_counter() - began

    async def by_many(self, asked: Iterator[str], number: int) -> tuple[list[Heard], float]:
        shares = [list(itertools.islice(asked, number // CALLERS)) for _ in range(CALLERS)]

        async def caller(some: list[str]) -> list[Heard]:
            return [await self.ask(text) for text in some]

        began = time.perf_counter()
        heard = await asyncio.gather(*map(caller, shares))
        return list(itertools.chain.from_iterable(heard)), time.perf_counter() - began

    async def ask(self, text: str) -> Heard:
        began = time.perf_counter()
        async with self.session.post(self.chat, json=planning.body(text)) as answer:
            told = await answer.text()
            if answer.status != 200:
                raise SystemExit(f"KORA answered {answer.status}: {told}")
            ms = 1000 * (time.perf_counter() - began)
            return Heard(
                request=answer.headers["x-kora-request-id"],
                tier=answer.headers["x-kora-tier"],
                ms=ms,
            )

    async def receipt(self, heard: Heard) -> Found:
        """Written soon after the answer."""
        for _ in range(50):
            async with self.session.get(f"{self.url}/v1/requests/{heard.request}") as answer:
                told: Found = await answer.json()
            if answer.status == 200 and told["receipt"].get("stages"):
                return dict(told["receipt"])
            await asyncio.sleep(0.1)
        raise SystemExit(f"Request {heard.request} has no receipt.")


def hits(heard: Sequence[Heard]) -> int:
    return sum(each.tier == "semantic" for each in heard)


def _told(one: Sequence[Heard], odd: Sequence[Heard], receipts: Sequence[Found]) -> Found:
    stages = [{each["name"]: float(each["ms"]) for each in told["stages"]} for told in receipts]
    took = [each["semantic"] for each in stages]
    names = {name for each in stages for name in each}
    whole = [each.ms for each in one if each.tier == "semantic"]
    return {
        "asked": len(stages),
        "hits": hits([*one, *odd]),
        "stage_p50_ms": texts.middle(took, 0.5),
        "stage_p95_ms": texts.middle(took, 0.95),
        "hit_p50_ms": texts.middle(whole, 0.5) if whole else None,
        "stages_p50_ms": {
            name: float(np.median([each[name] for each in stages if name in each]))
            for name in sorted(names)
        },
    }


def table(found: Found) -> str:
    stages = sorted(found["stages_p50_ms"].items(), key=lambda each: -each[1])
    return "\n".join((
        f"{found['entries']:,} entries in one partition, graph in {found['built_s']} s, others "
        f"{found['others']:.2f} cores",
        f"one at a time: {found['hits']} of {found['asked']} served by meaning; stage p50 "
        f"{found['stage_p50_ms']:.2f} ms, p95 {found['stage_p95_ms']:.2f} ms; a served request p50 "
        f"{suite.figure(found['hit_p50_ms'], 2)} ms by the client's clock",
        f"served a second: {found['one_a_second']:.0f} to one caller, {found['many_a_second']:.0f} "
        f"to {CALLERS} ({found['many_hits']} of {found['many']} by meaning, p50 "
        f"{found['many_p50_ms']:.1f} ms)",
        f"not served to {CALLERS}: {_counted(found['unserved'])}; CPU ms a request: "
        f"{suite.cpu(found)}",
        "p50 of the stages: " + ", ".join(f"{name} {ms:.2f}" for name, ms in stages if ms >= 0.05),
    ))  # fmt: skip


def _counted(reasons: Mapping[str, int]) -> str:
    counted = sorted(reasons.items(), key=lambda each: -each[1])
    return ", ".join(f"{reason} {count}" for reason, count in counted) or "none"


def bars(found: Found) -> list[Bar]:
    """Of hits alone: a caller who is not served waits for a model."""
    alone, crowd = found["one_a_second"], found["many_a_second"]
    return [
        Bar(text=f"ms of the semantic stage among {found['entries']:,} entries, p50",
            value=round(found["stage_p50_ms"], 2), bound=12.0, at_most=True),
        Bar(text="the same, p95",
            value=round(found["stage_p95_ms"], 2), bound=25.0, at_most=True),
        Bar(text=f"answers by meaning a second to {CALLERS} callers, of one caller's",
            value=round(crowd / alone, 2) if alone else None, bound=2.0, at_most=False),
    ]  # fmt: skip
