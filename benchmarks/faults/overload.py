"""Three times as many clients as a backend has places, of two teams and two priorities: who is
served, what the others are told, and what it costs."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from benchmarks import kora, suite
from benchmarks.faults.bench import Found, Given
from benchmarks.faults.book import Book
from benchmarks.faults.pressing import ANSWERED, STORED, Crowd, Heard, Team
from benchmarks.faults.watching import resident_mb
from benchmarks.kora import Kora
from benchmarks.overhead import Bar

PLACES, TAKES_S = 16, 0.4
CAPACITY = PLACES / TAKES_S
"""Requests a second that the backend can answer."""
CLIENTS = {"flood": 38, "calm": 6, "low": 4}
"""Three for each place; `calm` asks for less than half of them, `low` is a key of the flood's
team. Each asks again as soon as it is answered, and waits as long as it is told when it is not."""
STORED_CLIENTS = 2
PEAK_S = 10.0
BACKEND: Mapping[str, Any] = {
    "name": "narrow", "kind": "sandbox", "model": "narrow", "context": 32_768, "max_output": 64,
    "price_in": "1", "price_out": "2", "price_cached_in": "1", "max_parallel": PLACES,
    "options": {"reply": "it is done", "first_token_ms": int(TAKES_S * 1000), "token_ms": 0},
    "enabled": True,
}  # fmt: skip


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--overload-seconds", type=float, default=60.0, help="of three times more")


def measure(given: Given) -> Found:
    seconds = given.options.overload_seconds
    with contextlib.ExitStack() as stack:
        folder = suite.folder(stack, keep=given.options.keep)
        running = stack.enter_context(kora.serving(folder, backends=[BACKEND]))
        found = asyncio.run(_run(running, _teams(running), seconds))
        wrong = Book(home=kora.home_in(folder)).check()
    return {**found, "seconds": seconds, "capacity_per_s": CAPACITY, "books": wrong or "agree"}


def _teams(running: Kora) -> dict[str, Team]:
    made = {name: _team(running, name) for name in ("flood", "calm")}
    keys = {
        "flood": _key(running, made["flood"], "flood"),
        "calm": _key(running, made["calm"], "calm"),
        "low": _key(running, made["flood"], "low", priority="low"),
    }
    teams = {name: Team(name=name, key=key, clients=CLIENTS[name]) for name, key in keys.items()}
    stored = Team(name="stored", key=keys["calm"], clients=STORED_CLIENTS, stored=True)
    return {**teams, "stored": stored}


def _team(running: Kora, name: str) -> str:
    status, told = kora.post(f"{running.url}/api/teams/", {"name": name}, running.admin_key)
    if status != 201:
        raise SystemExit(f"KORA refused a team: {status} {told}")
    return str(told["name"])


def _key(running: Kora, team: str, name: str, **fields: str) -> str:
    body = {"name": name, "team": team, **fields}
    status, told = kora.post(f"{running.url}/api/keys/", body, running.admin_key)
    if status != 201:
        raise SystemExit(f"KORA refused a key: {status} {told}")
    return str(told["key"])


async def _run(running: Kora, teams: Mapping[str, Team], seconds: float) -> dict[str, Any]:
    """Memory is compared after the peak: by then caches and pools are full."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        peak = Crowd(http=http, url=running.chat, model="narrow")
        await peak.ask(teams["stored"], Heard(team="stored"), ends=float("inf"))
        full = Team(name="flood", key=teams["flood"].key, clients=PLACES)
        await peak.press([full], PEAK_S)
        before = resident_mb(running.pid)
        crowd = Crowd(http=http, url=running.chat, model="narrow")
        pressed = asyncio.create_task(crowd.press(list(teams.values()), seconds))
        probes = await crowd.probe(teams["flood"], seconds * 0.9)
        await pressed
        after = resident_mb(running.pid)
    return {
        "rows": [_row(name, crowd.heard, seconds) for name in teams],
        "peak_per_s": sum(each.outcome == ANSWERED for each in peak.heard) / PEAK_S,
        "memory_mb": {"before": before, "after": after},
        "polite": _told([each for each in crowd.heard if each.ratio is not None]),
        "probes": _told(probes),
    }


def _row(name: str, heard: Sequence[Heard], seconds: float) -> dict[str, Any]:
    mine = [each for each in heard if each.team == name]
    outcomes = Counter(each.outcome for each in mine)
    refused = [ms for each in mine for ms in each.refused_ms]
    good = outcomes[ANSWERED] + outcomes[STORED]
    return {
        "team": name,
        "answered": outcomes[ANSWERED],
        "stored": outcomes[STORED],
        "refusals": len(refused),
        "lost": len(mine) - good,
        "answered_per_s": round(outcomes[ANSWERED] / seconds, 2),
        "first_try": round(sum(not each.told_s for each in mine) / max(1, len(mine)), 3),
        "refused_p50_ms": round(statistics.median(refused), 2) if refused else None,
    }


def _told(refused: Sequence[Heard]) -> dict[str, Any]:
    """What was told at first, against when there was a place."""
    ratios = [each.ratio for each in refused if each.ratio is not None]
    waited = [each.admitted_after_s or 0.0 for each in refused]
    return {
        "count": len(ratios),
        "told_s": round(statistics.mean(h.told_s[0] for h in refused), 3) if ratios else None,
        "admitted_s": round(statistics.mean(waited), 3) if ratios else None,
        "ratio_p50": round(statistics.median(ratios), 3) if ratios else None,
        "within_two": (
            round(sum(0.5 <= r <= 2 for r in ratios) / len(ratios), 3) if ratios else None
        ),
    }


def table(found: Found) -> str:
    head = f"{'team':<8} {'answered':>9} {'stored':>7} {'refusals':>9} {'lost':>5} "
    head += f"{'answered/s':>11} {'at first try':>13} {'refused p50 ms':>15}"
    memory = found["memory_mb"]
    return "\n".join(
        [
            head,
            *map(_line, found["rows"]),
            f"peak {found['peak_per_s']:.1f}/s of a capacity of {found['capacity_per_s']:.0f}/s",
            _told_line("those who did as told", found["polite"]),
            _told_line("one that asked on all the time", found["probes"]),
            f"web before {memory['before'].get('web')} MB, after {memory['after'].get('web')} MB",
            f"books: {found['books']}",
        ]
    )


def _line(row: Mapping[str, Any]) -> str:
    return (
        f"{row['team']:<8} {row['answered']:>9} {row['stored']:>7} {row['refusals']:>9} "
        f"{row['lost']:>5} {row['answered_per_s']:>11} {row['first_try']:>13} "
        f"{suite.figure(row['refused_p50_ms'], 1):>15}"
    )


def _told_line(who: str, told: Mapping[str, Any]) -> str:
    return (
        f"{who}: {told['count']} refused, told {told['told_s']} s, let in after "
        f"{told['admitted_s']} s; within a factor of two {told['within_two']}"
    )


def bars(found: Found) -> list[Bar]:
    rows = {row["team"]: row for row in found["rows"]}
    goodput = sum(row["answered_per_s"] for row in rows.values()) / max(found["peak_per_s"], 1e-9)
    stored = rows["stored"]
    polite, memory = found["polite"]["ratio_p50"], found["memory_mb"]
    return [
        _least("goodput at three times more, of the peak", goodput, 0.8),
        _least("of its clients' pace the calm team has", _pace(rows, "calm"), 0.75),
        _least("an answer for a client of `flood`, in those for one of `low`", _favour(rows), 1),
        _least("stored answers served at the first try", stored["first_try"], 1.0),
        _most("requests without answer or error", sum(r["lost"] for r in rows.values()), 0),
        _least("first told wait against the one needed, median", polite, 0.5),
        _most("first told wait against the one needed, median", polite, 2.0),
        _most("memory of the web process, times before", _grew(memory), 1.1),
        _most("a refusal takes ms (p50)", rows["flood"]["refused_p50_ms"], 20),
    ]


def _least(text: str, value: float | None, bound: float) -> Bar:
    return Bar(text=text, value=value, bound=bound, at_most=False)


def _most(text: str, value: float | None, bound: float) -> Bar:
    return Bar(text=text, value=value, bound=bound, at_most=True)


def _pace(rows: Mapping[str, Mapping[str, Any]], name: str) -> float:
    """Of what its clients would have if nobody else were there."""
    return float(rows[name]["answered_per_s"]) * TAKES_S / CLIENTS[name]


def _favour(rows: Mapping[str, Mapping[str, Any]]) -> float:
    """How much more a client of what is normal gets than one of what is low, in one team."""
    each = {name: rows[name]["answered"] / CLIENTS[name] for name in ("flood", "low")}
    return float(each["flood"] / max(each["low"], 1e-3))


def _grew(memory: Mapping[str, Mapping[str, float]]) -> float | None:
    before, after = memory["before"].get("web"), memory["after"].get("web")
    return after / before if before and after else None
