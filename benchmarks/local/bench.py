"""The local engine: tokens a second and first-token times beside llama.cpp's own servers, what KORA
around it costs, and what sharing a prompt's beginning saves."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import suite
from benchmarks.local import models, rows
from benchmarks.local.hosts import Plan
from benchmarks.local.rows import (
    ABREAST,
    APART,
    BARE,
    INSIDE,
    LOCKED,
    NEIGHBOUR,
    OURS,
    OUTSIDE,
    SHARED,
    TASKS,
    WHOLE,
    Cells,
    Row,
)
from benchmarks.overhead import Bar


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks local", description=__doc__)
    spare = max(1, (os.cpu_count() or 1) - 1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", nargs="+", choices=models.SHAPES, default=["mini", "100m"])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--threads", type=int, default=spare, help="of each engine")
    parser.add_argument("--slots", type=int, default=16, help="of each engine")
    parser.add_argument("--context", type=int, default=2048, help="of each sequence")
    parser.add_argument("--without-kora", action="store_true", help="only engines")
    parser.add_argument("--without-peers", action="store_true", help="only KORA's engine")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    return parser.parse_args(given)


def bars(cells: Cells) -> list[Bar]:
    def ratio(metric: str, one: tuple[str, str], other: tuple[str, str]) -> float | None:
        above, below = (cells.get(where, {}).get(metric) for where in (one, other))
        return round(above / below, 3) if above and below else None

    return [
        *_speeds(ratio),
        Bar(
            text="first-token p95 beside a long prompt, of xllamacpp's",
            value=ratio("first_p95_ms", (OURS, NEIGHBOUR), (INSIDE, NEIGHBOUR)),
            bound=1.1, at_most=True,
        ),
        Bar(
            text="first-token p95 at c=8, of llama_cpp.server's",
            value=ratio("first_p95_ms", (OURS, "c=8"), (LOCKED, "c=8")),
            bound=0.5, at_most=True,
        ),
        Bar(
            text="tokens/s through KORA at c=8, of the engine's alone",
            value=ratio("tokens_s", (WHOLE, "c=8"), (OURS, "c=8")),
            bound=0.9, at_most=False,
        ),
        Bar(
            text="prompt tokens computed apart, of those with a shared beginning of 1,000",
            value=ratio("read", (OURS, APART), (OURS, SHARED)),
            bound=4.0, at_most=False,
        ),
    ]  # fmt: skip


def _speeds(
    ratio: Callable[[str, tuple[str, str], tuple[str, str]], float | None],
) -> list[Bar]:
    return [
        Bar(
            text=f"tokens/s at c={many}, of xllamacpp's in process",
            value=ratio("tokens_s", (OURS, f"c={many}"), (INSIDE, f"c={many}")),
            bound=0.95, at_most=False,
        )
        for many in ABREAST
    ]  # fmt: skip


def beside(cells: Cells) -> str:
    """Ratios without a promise: by CPU alone, which a busy machine bends less, and in seconds."""

    def told(text: str, metric: str, one: tuple[str, str], other: tuple[str, str]) -> str:
        above, below = (cells.get(where, {}).get(metric) for where in (one, other))
        return f"{above / below:.3f}  {text}" if above and below else f"-      {text}"

    lines = [
        told(f"CPU a token at c={many}, of xllamacpp's in process", "cpu_ms_token",
             (OURS, f"c={many}"), (INSIDE, f"c={many}"))
        for many in ABREAST
    ]  # fmt: skip
    lines += [
        told(f"CPU a token at c={many}, of a bare loop over the same library", "cpu_ms_token",
             (OURS, f"c={many}"), (BARE, f"c={many}"))
        for many in ABREAST
    ]  # fmt: skip
    lines += [
        told(f"tokens/s at c={many}, of xllamacpp's over HTTP", "tokens_s",
             (OURS, f"c={many}"), (OUTSIDE, f"c={many}"))
        for many in ABREAST
    ]  # fmt: skip
    lines.append(told("seconds apart, of those with a shared beginning", "wall_s",
                      (OURS, APART), (OURS, SHARED)))  # fmt: skip
    lines.append(told("seconds of xllamacpp with a shared beginning, of KORA's engine", "wall_s",
                      (INSIDE, SHARED), (OURS, SHARED)))  # fmt: skip
    return "\n".join(lines)


def table(measured: Sequence[Row], cells: Cells) -> str:
    head = f"{'':<22} {'':<9} {'tokens/s':>9} {'first p50':>10} {'first p95':>10} {'read':>7}"
    head += f" {'seconds':>8} {'others':>6}  CPU ms a token"
    lines = [head, "-" * len(head)]
    for task in TASKS:
        for row in measured:
            if cell := cells.get((row.name, task)):
                lines.append(rows.line(row.name, task, cell))
    lines += [f"{row.name:<22} {row.note}" for row in measured if row.note]
    return "\n".join(lines)


def one(name: str, given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    plan = Plan(
        model=models.path(name),
        slots=given.slots,
        threads=given.threads,
        context=given.context,
        folder=folder,
    )
    with_peers, with_kora = not given.without_peers, not given.without_kora
    with rows.served(plan, with_peers=with_peers, with_kora=with_kora) as measured:
        cells = rows.measure(measured, rounds=given.rounds, tasks=given.tasks)
    found = bars(cells)
    print(f"\n{plan.model.parent.name}, {plan.model.stem}, {given.threads} thread(s)\n")
    print(table(measured, cells))
    print("\n".join(["", *map(str, found), "", beside(cells)]))
    return {
        "model": name,
        "rows": [{"name": row, "task": task, **cell} for (row, task), cell in cells.items()],
        "bars": [{**asdict(bar), "verdict": bar.verdict} for bar in found],
    }


def main(words: list[str]) -> int:
    given = arguments(words)
    with contextlib.ExitStack() as stack:
        folder = suite.folder(stack, keep=given.keep)
        found = [one(name, given, folder) for name in given.models]
        asked = {name: getattr(given, name) for name in ("rounds", "threads", "slots", "context")}
        print(f"\nWritten to {suite.save('local', {**asked, 'models': found})}")
    return 0
