"""Rows measured in turns, so that a noisy machine is as noisy to one as to the other."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import processes

PAUSE_S = 0.3
"""Between two cells, so that what the last one left to be done is no burden on the next."""
Cells = dict[tuple[str, int], dict[str, Any]]
MEDIANS = ("rps", "p50_ms", "p90_ms", "p99_ms", "client_cpu", "overhead_p50_ms", "own_cpu_ms",
           "first_p50_ms", "first_p99_ms", "chunks_per_s", "others_cores")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing measured: the command that loads it and the processes whose CPU it takes."""

    name: str
    command: tuple[str, ...]
    roots: tuple[int, ...] = ()
    note: str = ""


def load(url: str, *options: str, key: str = "") -> tuple[str, ...]:
    given = ("--key", key) if key else ()
    return (sys.executable, "-m", "benchmarks.load", "--url", url, *given, *options)


def measure(
    rows: Sequence[Row], *, concurrencies: Sequence[int], rounds: int, seconds: float
) -> Cells:
    """Every row at every concurrency once a round; the medians of the quieter rounds."""
    found: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for number in range(rounds):
        for concurrency in concurrencies:
            for row in rows:
                if row.command:
                    time.sleep(PAUSE_S)
                    busy = Busy([pid for row in rows for pid in row.roots])
                    cell = once(row, concurrency=concurrency, seconds=seconds)
                    cell["others_cores"] = busy.others_cores()
                    found[row.name, concurrency].append(cell)
                    say(f"round {number + 1}/{rounds}  c={concurrency:<3} {line(row, cell)}")
    return {where: middle(quieter(cells)) for where, cells in found.items()}


class Busy:
    """How many cores programs that are none of ours have kept busy since it was made."""

    def __init__(self, roots: Sequence[int]) -> None:
        self.roots = sorted(set(roots))
        self.began = (time.monotonic(), processes.busy_s(), processes.own_s(self.roots))

    def others_cores(self) -> float:
        now = (time.monotonic(), processes.busy_s(), processes.own_s(self.roots))
        wall_s, busy_s, own_s = (now - then for now, then in zip(now, self.began, strict=True))
        return round(max(0.0, busy_s - own_s) / wall_s, 2)


def quieter(cells: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """The half of the rounds in which others used least, chosen before looking at the figures."""
    ordered = sorted(cells, key=lambda cell: float(cell["others_cores"]))
    return ordered[: (len(cells) + 1) // 2]


def line(row: Row, cell: Mapping[str, Any]) -> str:
    others = f"  others {cell['others_cores']:.2f} cores"
    errors = f"  errors {cell['errors']}" if cell["errors"] else ""
    return f"{row.name:<34} {cell['rps']:>9} /s  p50 {cell['p50_ms']} ms{others}{errors}"


def once(row: Row, *, concurrency: int, seconds: float) -> dict[str, Any]:
    timing = ("--concurrency", str(concurrency), "--seconds", str(seconds))
    before = processes.cpu_ms(row.roots)
    done = subprocess.run(
        [*row.command, *timing],
        cwd=processes.ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    spent = processes.spent_ms(before, processes.cpu_ms(row.roots))
    if done.returncode:
        raise SystemExit(f"{row.name} failed:\n{done.stderr[-2000:]}")
    cell: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    requests = max(cell["sent"], 1)
    cell["cpu_ms"] = {name: ms / requests for name, ms in spent.items()}
    return cell


def middle(cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {"rounds": len(cells)}
    for name in MEDIANS:
        values = [cell[name] for cell in cells if cell.get(name) is not None]
        made[name] = round(statistics.median(values), 3) if values else None
        if name in {"rps", "p50_ms"}:
            made[f"{name}_rounds"] = values
    made["measured"] = sum(cell["measured"] for cell in cells)
    made["errors"] = dict(sum((Counter(cell["errors"]) for cell in cells), Counter()))
    names = {name for cell in cells for name in cell["cpu_ms"]}
    made["cpu_ms"] = {
        name: round(statistics.median(cell["cpu_ms"].get(name, 0.0) for cell in cells), 3)
        for name in sorted(names)
    }
    return made


def table(rows: Sequence[Row], cells: Cells, concurrencies: Sequence[int]) -> str:
    head = f"{'':<34} {'c':>3} {'req/s':>9} {'p50 ms':>8} {'p90 ms':>8} {'p99 ms':>8}"
    head += f" {'others':>6}  CPU ms/request"
    lines = [head, "-" * len(head)]
    for concurrency in concurrencies:
        lines += [_line(row, concurrency, cells) for row in rows]
        lines.append("")
    return "\n".join(lines)


def _line(row: Row, concurrency: int, cells: Cells) -> str:
    cell = cells.get((row.name, concurrency))
    if cell is None:
        return f"{row.name:<34} {concurrency:>3} {row.note or 'not measured'}"
    numbers = f"{figure(cell['rps'], 1):>9} {figure(cell['p50_ms'], 2):>8}"
    numbers += f" {figure(cell['p90_ms'], 2):>8} {figure(cell['p99_ms'], 2):>8}"
    numbers += f" {figure(cell['others_cores'], 2):>6}"
    errors = f"  ERRORS {cell['errors']}" if cell["errors"] else ""
    return f"{row.name:<34} {concurrency:>3} {numbers}  {cpu(cell)}{errors}"


def cpu(cell: Mapping[str, Any]) -> str:
    """The largest first; what is under 0.02 ms is left to the JSON."""
    if cell.get("own_cpu_ms"):
        return f"own {cell['own_cpu_ms']:.2f}"
    parts = sorted(cell["cpu_ms"].items(), key=lambda part: -part[1])
    shown = [f"{name} {ms:.2f}" for name, ms in parts if ms >= 0.02]
    return f"{sum(ms for _, ms in parts):.2f} = " + " + ".join(shown)


def allowed_rps(cell: Mapping[str, Any]) -> float | None:
    """What its CPU a request would allow here, were the machine its own: no wall time in it."""
    taken = [ms for name, ms in cell.get("cpu_ms", {}).items() if name != "mock"]
    if not taken or not max(taken):
        return None
    return float(round(1000 / max(*taken, 0.0, sum(taken) / (os.cpu_count() or 1)), 1))


def noise(cells: Cells) -> str:
    shares = [cell["others_cores"] for cell in cells.values()]
    told = f"Other programs kept {statistics.median(shares):.2f} cores busy (median of the cells"
    told += f", most {max(shares):.2f})."
    return f"{told} Not a quiet machine: wall-clock figures lean." if max(shares) > 0.3 else told


def figure(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def content(given: argparse.Namespace, cells: Cells) -> dict[str, Any]:
    rows = [{"name": name, "concurrency": many, **cell} for (name, many), cell in cells.items()]
    return {"rounds": given.rounds, "seconds": given.seconds, "rows": rows}


def save(name: str, found: Mapping[str, Any]) -> Path:
    """JSON under KORA_HOME/bench, one file a run and one `latest`."""
    home = Path(os.environ.get("KORA_HOME") or processes.ROOT / "var")
    place = home / "bench"
    place.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    text = json.dumps({"bench": name, "at": stamp, "machine": machine(), **found}, indent=1)
    (place / f"{name}-latest.json").write_text(text)
    path = place / f"{name}-{stamp}.json"
    path.write_text(text)
    return path


def folder(stack: contextlib.ExitStack, *, keep: bool) -> Path:
    """A new one for this run; its logs are kept only when asked for."""
    made = Path(tempfile.mkdtemp(prefix="kora-bench-"))
    if keep:
        say(f"logs stay in {made}")
    else:
        stack.callback(shutil.rmtree, made, ignore_errors=True)
    return made


def machine() -> dict[str, Any]:
    cpuinfo = Path("/proc/cpuinfo").read_text()
    models = [
        text.partition(":")[2].strip() for text in cpuinfo.splitlines() if "model name" in text
    ]
    return {
        "cores": os.cpu_count(),
        "cpu": models[0] if models else "unknown",
        "python": sys.version.split()[0],
        "load_average": os.getloadavg(),
    }


def say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)
