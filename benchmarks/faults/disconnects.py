"""Clients that leave: the upstream or the slot is let go, and what was produced is paid."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import redis

from benchmarks import kora, suite
from benchmarks.faults.bench import Found, Given
from benchmarks.faults.book import Book
from benchmarks.faults.leaving import BEFORE, MID, MOST_TOKENS, WHOLE, Trial, leave
from benchmarks.kora import Kora
from benchmarks.overhead import Bar
from tests.faults.lab import provider
from tests.faults.lab.provider import Lab
from tests.faults.lab.scripts import Manner
from tests.inference.local import tiny
from training import llama_file

BOUND_MS = 1000.0
SEEN_WITHIN_S = 20.0
SHARES = {MID: 0.5, BEFORE: 0.25, WHOLE: 0.25}
KINDS = ("openai-compatible", "cloud")
PRICES = {"price_in": "100", "price_out": "1000"}
MANNERS = {
    MID: Manner(words=2000, word_s=0.02),
    BEFORE: Manner(first_s=60),
    WHOLE: Manner(words=2000, word_s=0.02),
}
DEEP = llama_file.Shape(
    vocabulary=tiny.SHAPE.vocabulary,
    width=256,
    layers=24,
    heads=4,
    kv_heads=2,
    feed_forward=256,
    context=8192,
)
"""An answer of thousands of tokens takes it many seconds; its weights are random."""
ON_AND_ON = {"temperature": 0, "logit_bias": {str(256 + n): -100 for n in range(4)}}
LOCAL = "deep"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one kind of call is carried out, and how its end shows there."""

    kind: str
    arrived: Callable[[Trial], Awaitable[None]]
    freed: Callable[[Trial], Awaitable[None]]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trials", type=int, default=100, help="of `disconnects`, for each kind")
    parser.add_argument("--local-trials", type=int, default=20, help="in llama.cpp, one by one")
    parser.add_argument("--at-once", type=int, default=4, help="clients of `disconnects`")


def measure(given: Given) -> Found:
    chance = random.Random(given.seed)
    with contextlib.ExitStack() as stack:
        folder = suite.folder(stack, keep=given.options.keep)
        lab = stack.enter_context(provider.in_process())
        running = stack.enter_context(kora.serving(folder, backends=_backends(lab)))
        book = Book(home=kora.home_in(folder))
        for kind in KINDS:
            for when in SHARES:
                lab.play(_model(kind, when), MANNERS[when], **PRICES)
        places = [_cloud(lab, kind) for kind in KINDS]
        trials = {
            place.kind: asyncio.run(_run(place, running, _drawn(place.kind, chance, given), given))
            for place in places
        }
        if given.options.local_trials:
            place = _local(book, running, folder)
            trials["local"] = asyncio.run(_one_by_one(place, running, chance, given))
        _settle(book, [trial for each in trials.values() for trial in each])
        wrong = book.check()
    rows = [_row(kind, when, each) for kind, each in trials.items() for when in SHARES]
    return {"rows": rows, "books": wrong or "agree"}


def _model(kind: str, when: str) -> str:
    return f"{kind}-{'-'.join(when.split())}"


def _backends(lab: Lab) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "kind": kind,
            "model": f"openai/{name}" if kind == "cloud" else name,
            "api_base": lab.api_base(name),
            "secret": "sk-lab",
            "context": 100_000,
            "max_output": MOST_TOKENS,
            "max_parallel": 1000,
            **PRICES,
        }
        for kind in KINDS
        for name in (_model(kind, when) for when in SHARES)
    ]


def _drawn(kind: str, chance: random.Random, given: Given) -> list[Trial]:
    return [
        Trial(
            model=_model(kind, when),
            when=when,
            tokens=chance.randint(1, 60),
            pause_s=chance.uniform(0.0, 0.7),
        )
        for when, share in SHARES.items()
        for _ in range(round(given.options.trials * share))
    ]


async def _run(place: Place, running: Kora, trials: list[Trial], given: Given) -> list[Trial]:
    room = asyncio.Semaphore(given.options.at_once)

    async def one(trial: Trial) -> None:
        async with room:
            await leave(trial, running, place.arrived)
            await place.freed(trial)

    suite.say(f"{len(trials)} clients leave calls to {place.kind} …")
    await asyncio.gather(*map(one, trials))
    return trials


def _cloud(lab: Lab, kind: str) -> Place:
    async def arrived(trial: Trial) -> None:
        await _until(lambda: bool(lab.about(trial.session)))

    async def freed(trial: Trial) -> None:
        await _until(lambda: all(each.ended_at_s for each in lab.about(trial.session)))
        entries = lab.about(trial.session)
        gone = [each.left_at_s for each in entries if each.left_at_s is not None]
        trial.free_at_s = gone[0] if len(gone) == 1 and len(entries) == 1 else None
        trial.note = trial.note or ("" if gone else f"{len(entries)} calls, none was left")
        trial.sent = entries[0].sent if entries else 0

    return Place(kind=kind, arrived=arrived, freed=freed)


async def _until(done: Callable[[], bool]) -> bool:
    ends_s = time.monotonic() + SEEN_WITHIN_S
    while time.monotonic() < ends_s:
        if await asyncio.to_thread(done):
            return True
        await asyncio.sleep(0.02)
    return False


# llama.cpp


def _local(book: Book, running: Kora, folder: Path) -> Place:
    """The model's own gauge says when a slot is free, in a heartbeat of 0.2 s."""
    made = tiny.write(folder / "deep.gguf", shape=DEEP)
    taken = book.manage("models", "import", str(made), "--name", LOCAL, "--variant", "f16")
    if taken.returncode:
        raise SystemExit(taken.stderr)
    backend = {
        "name": LOCAL, "kind": "local", "model": f"{LOCAL}:f16", "options": {"context": 8192},
        "price_in": "1", "price_out": "1", "context": 8192, "max_output": MOST_TOKENS,
    }  # fmt: skip
    status, told = kora.post(f"{running.url}/api/backends/", backend, running.admin_key)
    if status != 201:
        raise SystemExit(f"KORA refused {LOCAL}: {told}")
    kora.wait_for_tier(running, model=LOCAL, prompt="Are you there?", tier="local", wait_s=60)
    client = redis.Redis.from_url(book.services["redis_url"])

    async def arrived(_: Trial) -> None:
        await _until(lambda: _running(client) > 0)

    async def freed(trial: Trial) -> None:
        if await _until(lambda: _running(client) == 0):
            trial.free_at_s = time.monotonic()

    return Place(kind="local", arrived=arrived, freed=freed)


def _running(client: redis.Redis) -> int:
    names = list(client.scan_iter(match="kora:worker:local.*"))
    states: Any = client.mget(names) if names else []
    said = [json.loads(state) for state in states if state]
    models = [model for each in said for model in each["models"]]
    return sum(each["running"] for each in models if each["model"].startswith(LOCAL))


async def _one_by_one(
    place: Place, running: Kora, chance: random.Random, given: Given
) -> list[Trial]:
    suite.say(f"{given.options.local_trials} clients leave calls to llama.cpp …")
    trials = [
        Trial(
            model=LOCAL,
            when=when,
            tokens=chance.randint(1, 60),
            pause_s=chance.uniform(0.0, 0.3),
            fields=dict(ON_AND_ON),
        )
        for when, share in SHARES.items()
        for _ in range(round(given.options.local_trials * share))
    ]
    for trial in trials:
        await leave(trial, running, place.arrived)
        await place.freed(trial)
    return trials


# What the book says


def _settle(book: Book, trials: Sequence[Trial]) -> None:
    for trial in trials:
        ends_s = time.monotonic() + 10
        while not trial.settled and time.monotonic() < ends_s:
            trial.settled, why = _is_settled(book, trial)
            if not trial.settled:
                time.sleep(0.2)
        if not trial.settled:
            trial.note = trial.note or why


def _is_settled(book: Book, trial: Trial) -> tuple[bool, str]:
    found = book.exchange(trial.session)
    if found is None or found["state"] == "open":
        return False, "the request is still open"
    states = [each["state"] for each in found["attempts"]]
    if found["state"] != "cancelled" or states != ["settled"] or len(found["charged"]) != 1:
        return False, f"{found['state']} {states}, {len(found['charged'])} rows"
    (row,) = found["charged"]
    produced = row["completion_tokens"]
    if trial.model != LOCAL:
        price = Decimal(row["prompt_tokens"]) * 100 + Decimal(produced) * 1000
        if row["cost"] != price / 1_000_000 or not row["estimated"]:
            return False, f"{row['cost']} for {row['prompt_tokens']} and {produced} tokens"
        if not trial.read <= produced <= trial.sent:
            return False, f"{produced} settled, {trial.read} read, {trial.sent} sent"
    return True, ""


def _row(kind: str, when: str, trials: Sequence[Trial]) -> dict[str, Any]:
    mine = [trial for trial in trials if trial.when == when]
    took = sorted(trial.took_ms for trial in mine if trial.took_ms is not None)
    return {
        "kind": kind,
        "when": when,
        "trials": len(mine),
        "in_time": sum(ms <= BOUND_MS for ms in took),
        "settled": sum(trial.settled for trial in mine),
        "p50_ms": round(took[len(took) // 2], 1) if took else None,
        "max_ms": round(took[-1], 1) if took else None,
        "notes": sorted({trial.note for trial in mine if trial.note})[:5],
    }


def table(found: Found) -> str:
    named = f"{'trials':>7}{'in 1 s':>8}{'settled':>9}{'p50 ms':>9}{'max ms':>9}"
    head = f"{'who':<20}{'leaves':<26}{named}"
    lines = [head, "-" * len(head)]
    for row in found["rows"]:
        p50, most = suite.figure(row["p50_ms"], 1), suite.figure(row["max_ms"], 1)
        lines.append(
            f"{row['kind']:<20}{row['when']:<26}{row['trials']:>7}{row['in_time']:>8}"
            f"{row['settled']:>9}{p50:>9}{most:>9}"
        )
        lines += [f"    {note}" for note in row["notes"]]
    return "\n".join([*lines, f"books: {found['books']}"])


def bars(found: Found) -> list[Bar]:
    made = []
    for kind in dict.fromkeys(row["kind"] for row in found["rows"]):
        rows = [row for row in found["rows"] if row["kind"] == kind]
        trials = sum(row["trials"] for row in rows)
        what = "slots free" if kind == "local" else "upstream connections closed"
        for name, text in (
            ("in_time", f"{what} within a second"),
            ("settled", "settled at what was produced"),
        ):
            share = sum(row[name] for row in rows) / max(trials, 1)
            made.append(
                Bar(
                    text=f"disconnects, {kind}: {text}, of {trials}",
                    value=share,
                    bound=1.0,
                    at_most=False,
                )
            )
    return made
