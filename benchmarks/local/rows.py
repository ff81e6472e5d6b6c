"""Who is measured and at what; all of it is started, and ended, together."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import kora, peers, processes, suite
from benchmarks.local import hosts
from benchmarks.local.hosts import Host, Plan
from benchmarks.local.work import Work
from inference.store.models import Store

OURS = "KORA's engine"
BARE = "llama.cpp, bare loop"
INSIDE = "xllamacpp, in process"
OUTSIDE = "xllamacpp, HTTP"
LOCKED = "llama_cpp.server"
WHOLE = "through KORA"
NEIGHBOUR, SHARED, APART = "neighbour", "shared", "apart"
ABREAST = {1: 5, 4: 2, 8: 2, 16: 1}
"""How many lanes, and how often each of them asks."""
PAUSE_S = 0.3
WARM_UP = Work(lanes=2, each=1, prompt=16, write=4, seed="warm-up")
TASKS: Mapping[str, Work] = {
    **{f"c={many}": Work(lanes=many, each=n, prompt=48, write=40) for many, n in ABREAST.items()},
    NEIGHBOUR: Work(lanes=3, each=5, prompt=24, write=8, neighbour=1000),
    SHARED: Work(lanes=8, each=1, prompt=24, write=8, shared=1000),
    APART: Work(lanes=8, each=1, prompt=1024, write=8),
}
STREAMS = tuple(f"c={many}" for many in ABREAST)
Cell = dict[str, Any]
Cells = dict[tuple[str, str], Cell]


@dataclass(frozen=True, kw_only=True)
class Row:
    """`host` asks; `roots` are the processes whose CPU counts, so not those of a mere client."""

    name: str
    tasks: Sequence[str]
    host: Host | None = None
    roots: tuple[int, ...] = ()
    note: str = ""


@contextlib.contextmanager
def served(plan: Plan, *, with_peers: bool, with_kora: bool) -> Iterator[list[Row]]:
    with contextlib.ExitStack() as stack:
        rows = [_engine(stack, plan), _bare(stack, plan)]
        if with_peers:
            rows += [*_xllamacpp(stack, plan), _locked(stack, plan)]
        if with_kora:
            rows.append(_kora(stack, plan))
        for row in rows:
            if row.host:
                row.host.do(WARM_UP)
        yield rows


def _engine(stack: contextlib.ExitStack, plan: Plan) -> Row:
    host = stack.enter_context(hosts.ours(plan))
    return Row(name=OURS, tasks=tuple(TASKS), host=host, roots=(host.pid,))


def _bare(stack: contextlib.ExitStack, plan: Plan) -> Row:
    host = stack.enter_context(hosts.bare(plan))
    return Row(name=BARE, tasks=STREAMS, host=host, roots=(host.pid,))


def _xllamacpp(stack: contextlib.ExitStack, plan: Plan) -> list[Row]:
    if not peers.server_installed():
        return [Row(name=INSIDE, tasks=STREAMS, note=f"not installed: {peers.HOW}")]
    inside = stack.enter_context(hosts.xllamacpp(plan))
    client = stack.enter_context(hosts.wire(f"{inside.address}/v1/completions", plan))
    return [
        Row(name=INSIDE, tasks=tuple(TASKS), host=inside, roots=(inside.pid,)),
        Row(name=OUTSIDE, tasks=STREAMS, host=client, roots=(inside.pid,)),
    ]


def _locked(stack: contextlib.ExitStack, plan: Plan) -> Row:
    url, pid = stack.enter_context(hosts.locked_server(plan))
    client = stack.enter_context(hosts.wire(f"{url}/v1/completions", plan))
    return Row(name=LOCKED, tasks=("c=8",), host=client, roots=(pid,))


def _kora(stack: contextlib.ExitStack, plan: Plan) -> Row:
    suite.say("starting KORA …")
    folder = plan.folder / f"kora-{plan.model.parent.name}"
    _shelve(plan.model, kora.home_in(folder))
    backend = {
        "name": "bench",
        "kind": "local",
        "model": _reference(plan.model),
        "options": {"slots": plan.slots, "threads": plan.threads, "context": plan.context},
        "context": plan.context,
        "max_parallel": plan.slots,
        "enabled": True,
    }
    own = stack.enter_context(kora.serving(folder, backends=[backend]))
    _settle(own.pid)
    # Prompts of random letters are all much alike; none of them may be answered from the cache.
    headers = {"Authorization": f"Bearer {own.key}", "x-kora-cache": "no-cache"}
    client = stack.enter_context(hosts.wire(own.chat, plan, headers=headers))
    return Row(name=WHOLE, tasks=("c=1", "c=8"), host=client, roots=(own.pid,))


def _settle(pid: int) -> None:
    """Its other workers still load what they need for a while after it is ready."""
    for _ in range(30):
        before = processes.cpu_ms([pid])
        time.sleep(1)
        if sum(processes.spent_ms(before, processes.cpu_ms([pid])).values()) < 100:
            return


def _shelve(model: Path, home: Path) -> None:
    """Into the store of the KORA that is about to start."""
    Store(home / "models").import_file(model, _reference(model))


def _reference(model: Path) -> str:
    return f"{model.parent.name}:{model.stem}"


def measure(rows: Sequence[Row], *, rounds: int, tasks: Sequence[str]) -> Cells:
    """Each task of every row once a round, in turns; the medians of the quieter rounds."""
    found: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for number in range(rounds):
        for task in tasks:
            for row in rows:
                if row.host and task in row.tasks:
                    time.sleep(PAUSE_S)
                    # Two rows may be one server, which remembers what it has read.
                    seed = f"{number} {task} {row.name}"
                    cell = _once(rows, row, replace(TASKS[task], seed=seed))
                    found[row.name, task].append(cell)
                    suite.say(f"round {number + 1}/{rounds}  {line(row.name, task, cell)}")
    return {where: _middle(cells) for where, cells in found.items()}


def _once(rows: Sequence[Row], row: Row, work: Work) -> Cell:
    assert row.host
    roots = [pid for each in rows for pid in (*each.roots, *([each.host.pid] if each.host else []))]
    busy, before = suite.Busy(roots), processes.cpu_ms(row.roots)
    cell = row.host.do(work)
    spent = processes.spent_ms(before, processes.cpu_ms(row.roots))
    cell["others_cores"] = busy.others_cores()
    cell["cpu_ms"] = {name: ms / max(cell["tokens"], 1) for name, ms in spent.items()}
    cell["cpu_ms_token"] = sum(cell["cpu_ms"].values())
    return cell


def _middle(cells: Sequence[Cell]) -> Cell:
    calm = suite.quieter(cells)
    numbers = [name for name, value in calm[0].items() if isinstance(value, int | float)]
    made: Cell = {name: round(median(cell[name] for cell in calm), 4) for name in numbers}
    made["read"] = made.get("read")  # not every way to an engine tells it
    made["rounds"] = [{name: cell[name] for name in numbers} for cell in cells]
    made["cpu_ms"] = calm[0]["cpu_ms"]
    made["errors"] = {what: many for cell in cells for what, many in cell["errors"].items()}
    return made


def line(name: str, task: str, cell: Mapping[str, Any]) -> str:
    figures = f"{suite.figure(cell['tokens_s'], 1):>9} {suite.figure(cell['first_p50_ms'], 1):>10}"
    figures += f" {suite.figure(cell['first_p95_ms'], 1):>10} {suite.figure(cell['read'], 0):>7}"
    figures += f" {suite.figure(cell['wall_s'], 2):>8} {suite.figure(cell['others_cores'], 2):>6}"
    errors = f"  ERRORS {cell['errors']}" if cell["errors"] else ""
    return f"{name:<22} {task:<9} {figures}  {suite.figure(cell['cpu_ms_token'], 3):>7}{errors}"
