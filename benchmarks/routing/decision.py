"""The decide stage: from signals and vector to a decision, by backends and by rules, on one core.

Three steps are timed together, as they run in the web process: the rules (over facts that are
found as they are asked for), what learning expects of each backend (a mind taught by made-up
outcomes of these very backends), and the choice. No network, no database: sticky conversations,
whose lookup asks Redis, are switched off.
"""

from __future__ import annotations

import importlib
import os
import random
from collections.abc import Sequence
from typing import Any

import django

from benchmarks.overhead import Bar
from benchmarks.routing.bench import Given

BACKENDS, RULES = 20, 200
SIZES = ((BACKENDS, RULES), (5, RULES), (80, RULES), (BACKENDS, 50), (BACKENDS, 800))
REQUESTS, FEWER = 5_000, 2_000
"""Of the promised size, and of each other."""
P50_MS, P99_MS = 1.0, 4.0
LINEAR = 4.0
"""Four times as many may take four times as long."""
Found = dict[str, Any]


def measure(given: Given) -> Found:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kora_site.settings")
    django.setup()
    rows = [
        _row(size, given.seed, REQUESTS if place == 0 else FEWER)
        for place, size in enumerate(SIZES)
    ]
    return {"rows": rows}


def _row(size: tuple[int, int], seed: int, requests: int) -> Found:
    stage = importlib.import_module("benchmarks.routing.stage")  # it needs Django to be set up
    backends, rules = size
    chance = random.Random(seed)
    stage.furnish(chance, backends=backends, rules=rules)
    timed = stage.timed(list(stage.ways(chance, requests)))
    return {
        "backends": backends,
        "rules": rules,
        "requests": requests,
        "p50_ms": _at(timed.wall, 0.5),
        "p99_ms": _at(timed.wall, 0.99),
        "cpu_p50_ms": _at(timed.processor, 0.5),
        "cpu_p99_ms": _at(timed.processor, 0.99),
    }


def _at(times: Sequence[float], share: float) -> float:
    return times[min(len(times) - 1, int(len(times) * share))]


def table(found: Found) -> str:
    head = f"{'backends':>8} {'rules':>6} {'requests':>9} {'p50 ms':>8} {'p99 ms':>8}"
    head += f" {'cpu p50':>8} {'cpu p99':>8}"
    lines = [
        f"{row['backends']:>8} {row['rules']:>6} {row['requests']:>9} {row['p50_ms']:>8.3f} "
        f"{row['p99_ms']:>8.3f} {row['cpu_p50_ms']:>8.3f} {row['cpu_p99_ms']:>8.3f}"
        for row in found["rows"]
    ]
    return "\n".join((head, "-" * len(head), *lines))


def bars(found: Found) -> list[Bar]:
    by_size = {(row["backends"], row["rules"]): row for row in found["rows"]}
    usual = by_size[BACKENDS, RULES]
    size = f"{BACKENDS} backends and {RULES} rules"
    grown = {
        "backends": by_size[80, RULES]["cpu_p50_ms"] / usual["cpu_p50_ms"],
        "rules": by_size[BACKENDS, 800]["cpu_p50_ms"] / usual["cpu_p50_ms"],
    }
    return [
        Bar(text=f"decide stage, p50 in ms, {size}", value=usual["p50_ms"], bound=P50_MS,
            at_most=True),
        Bar(text=f"decide stage, p99 in ms, {size}", value=usual["p99_ms"], bound=P99_MS,
            at_most=True),
        *(
            Bar(text=f"decide stage, times as long with four times the {what}", value=value,
                bound=LINEAR, at_most=True)
            for what, value in grown.items()
        ),
    ]  # fmt: skip
